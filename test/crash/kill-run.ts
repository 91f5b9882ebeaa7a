import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { eachLimited } from "../../lib/pool.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { temporaryFolder } from "../support/stores.ts";
import { readStore, TEMPORARY } from "./documents.ts";
import { type Image, imageOfFolder } from "./image.ts";
import { removalViolations, secretViolations, storeViolations, type Violation, violation } from "./invariants.ts";
import type { ChildAnswer, ChildTask } from "./kill-child.ts";
import type { Scenario } from "./scenarios.ts";
import { type Source, sourceOf } from "./source.ts";
import { writeImage } from "./stores.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act, SECRET, timeOf } from "./world.ts";

const COMPILED = join(tmpdir(), "core-backup-test-compiled");
/** Two processes at once: one loads while the other syncs. */
const AT_ONCE = 2;

/** Every boundary of a scenario, as a process that is not killed passes them. */
export async function boundariesOf(scenario: Scenario, bigBytes: number): Promise<readonly string[]> {
  await using folder = await temporaryFolder();
  await writeImage(folder.path, scenario.image);
  const answer = await runChild({ ...taskOf(scenario), folder: folder.path, bigBytes, killAt: 0 });
  if (answer?.outcome.status !== "ok")
    throw new Error(`${scenario.name} fails without a kill: ${JSON.stringify(answer)}`);
  return answer.boundaries;
}

/** Kills a process right before each of these boundaries (from 1), and has later runs set it right by themselves. */
export async function killAtEach(scenario: Scenario, bigBytes: number, points: readonly number[]): Promise<Tally> {
  const tally = newTally();
  const source = sourceOf({ bigBytes });
  const boundaries = await boundariesOf(scenario, bigBytes);
  await eachLimited(points, AT_ONCE, async (killAt) => {
    const where = `kill filesystem, ${scenario.name}, ${killAt}: before ${boundaries[killAt - 1]}`;
    await killOne(scenario, source, { ...taskOf(scenario), bigBytes, killAt }, where, tally);
  });
  return tally;
}

async function killOne(
  scenario: Scenario,
  source: Source,
  task: Omit<ChildTask, "folder">,
  where: string,
  tally: Tally,
): Promise<void> {
  await using folder = await temporaryFolder();
  await writeImage(folder.path, scenario.image);
  const answer = await runChild({ ...task, folder: folder.path });
  tally.points += 1;
  tally.runs += 1;
  if (answer !== undefined) throw new Error(`${where}: the process was not killed`);
  const killed = await imageOfFolder(folder.path);
  const change = { policy: scenario.policy, doubtful: false };
  note(tally, where, [
    ...storeViolations(killed, source),
    ...secretViolations(SECRET, killed, []),
    ...removalViolations({
      ...change,
      before: scenario.image,
      after: killed,
      now: timeOf(scenario.day),
      mayPrune: scenario.action !== "verify",
    }),
  ]);

  let before = killed;
  // At once, under a clock that stands still; and then when what was left is old enough to go.
  for (const [day, seconds] of [
    [scenario.day, 0],
    [scenario.day + 2, 60],
  ] as const) {
    const storage = filesystemStorage({ basePath: folder.path });
    const { status, codes } = await act("run", { ...scenario, storage, source, day, secondsNow: () => seconds });
    const after = await imageOfFolder(folder.path);
    note(tally, `${where}, run of day ${day}`, [
      ...(status === "ok" ? [] : [violation("next-run-succeeds", `${status}: ${codes.join(", ")}`)]),
      ...storeViolations(after, source),
      ...removalViolations({ ...change, before, after, now: timeOf(day, seconds), mayPrune: true }),
      ...temporaryFiles(after),
    ]);
    tally.runs += 1;
    before = after;
  }
  note(tally, where, leftoverRuns(before));
}

/** A run sweeps them before it begins, wherever they lie. */
function temporaryFiles(image: Image): Violation[] {
  const found = [...image.keys()].filter((key) => TEMPORARY.test(key));
  return found.map((key) => violation("no-leftovers", `${key} is still there after a whole run`));
}

function leftoverRuns(image: Image): Violation[] {
  const unfinished = readStore(image).snapshots.filter(({ hasManifest }) => !hasManifest);
  return unfinished.map(({ prefix }) => violation("no-leftovers", `${prefix} has no manifest and is two days old`));
}

const taskOf = ({ action, day, policy }: Scenario) => ({ action, day, policy });

/** Undefined for a process that was killed. @throws Error for one that ended in any other way than well */
async function runChild(task: ChildTask): Promise<ChildAnswer | undefined> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kill-child.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    // Half of such a short process is parsing what the one before it has parsed.
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  const [[code, signal], answer] = await Promise.all([once(child, "exit"), text(child.stdout)]);
  if (signal === "SIGKILL") return undefined;
  if (code !== 0) throw new Error(`the process ended with ${code ?? signal}`);
  return JSON.parse(answer);
}

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { eachLimited } from "../../lib/pool.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { temporaryFolder } from "../support/stores.ts";
import { runChild } from "./child-process.ts";
import { type Image, imageOfFolder } from "./image.ts";
import { type Violation, violation } from "./invariants.ts";
import { scenarios } from "./scenarios.ts";
import { readContent, sourceOf } from "./source.ts";
import { writeImage } from "./stores.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act } from "./world.ts";

export interface RestoreTally extends Tally {
  /** Points after which the next restore succeeded by itself. */
  byItself: number;
  /** Points after which it said what to remove, and succeeded when that was done. */
  told: number;
}

const AT_ONCE = 2;
const BIG_BYTES = 200_000;
const SAYS_WHAT = /ended before its time: remove (\S+) and restore again/;
const STAGING = /(^|\/)\.restoring-/;

/** Kills a restore before each change that it makes (of `every` so many), and restores again into the same folder. */
export async function killRestores(every = 1): Promise<RestoreTally> {
  const tally: RestoreTally = { ...newTally(), byItself: 0, told: 0 };
  const source = sourceOf({ bigBytes: BIG_BYTES });
  const scenario = (await scenarios(source)).find(({ name }) => name === "verify");
  if (scenario === undefined) throw new Error("there is no store to restore from");
  const world = { ...scenario, source };

  async function restoring(folder: string, killAt: number) {
    const reach = { kind: "filesystem", folder: join(folder, "store") } as const;
    await writeImage(reach.folder, scenario?.image ?? new Map());
    const task = { reach, action: "restore", day: world.day, policy: world.policy, bigBytes: BIG_BYTES } as const;
    return runChild({ ...task, at: killAt, do: "SIGKILL", to: join(folder, "target") });
  }

  await using whole = await temporaryFolder();
  const answer = await restoring(whole.path, 0);
  if (answer?.outcome.status !== "ok") throw new Error(`restoring fails without a kill: ${JSON.stringify(answer)}`);
  const { boundaries } = answer;
  const expected = await imageOfFolder(join(whole.path, "target"));
  const points = boundaries.map((_, index) => index + 1).filter((point) => point % every === 0);
  await eachLimited(points, AT_ONCE, async (killAt) => {
    const where = `kill restore, ${killAt}: before ${boundaries[killAt - 1]}`;
    await using folder = await temporaryFolder();
    const to = join(folder.path, "target");
    if ((await restoring(folder.path, killAt)) !== undefined) throw new Error(`${where}: the process was not killed`);
    tally.points += 1;
    note(tally, where, halfRestored(await imageOfFolder(to), expected));
    const again = () =>
      act("restore", { ...world, storage: filesystemStorage({ basePath: join(folder.path, "store") }), to });
    let next = await again();
    const toRemove = SAYS_WHAT.exec(next.message ?? "")?.[1];
    if (next.status === "ok") tally.byItself += 1;
    else if (next.codes.join() === "REFUSED" && toRemove === to) {
      tally.told += 1;
      await rm(to, { recursive: true });
      next = await again();
    }
    tally.runs += 2;
    note(tally, `${where}, next restore`, [
      ...(next.status === "ok" ? [] : [violation("next-run-succeeds", `${next.status}: ${next.message}`)]),
      ...otherThan(await imageOfFolder(to), expected, "restores-without-us"),
      ...otherThan(await imageOfFolder(join(folder.path, "store")), scenario.image, "good-stays"),
    ]);
  });
  return tally;
}

/** Nothing lies under a final name that is not what it has to be there. */
function halfRestored(image: Image, expected: Image): Violation[] {
  const final = [...image].filter(([path]) => !STAGING.test(path));
  return final
    .filter(
      ([path, content]) =>
        readContent(content) === undefined || Buffer.compare(content, expected.get(path) ?? new Uint8Array()) !== 0,
    )
    .map(([path]) => violation("object-whole", `half of ${path} was restored`));
}

function otherThan(image: Image, expected: Image, invariant: "restores-without-us" | "good-stays"): Violation[] {
  const paths = new Set([...image.keys(), ...expected.keys()]);
  return [...paths]
    .filter((path) => Buffer.compare(image.get(path) ?? new Uint8Array(), expected.get(path) ?? new Uint8Array()) !== 0)
    .map((path) => violation(invariant, `${path} is not what it was`));
}

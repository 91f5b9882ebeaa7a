import "./no-waiting.ts";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { isOf, KINDS, shareOf } from "./piece.ts";
import { randomOf } from "./random.ts";
import { newCoverage } from "./soak-coverage.ts";
import { type SoakQueue, soakQueue } from "./soak-queue.ts";
import { storesAt } from "./soak-worker.ts";
import { type SoakWorker, startWorker } from "./soak-workers.ts";
import { findingLines, newTally, summary } from "./tally.ts";
import { planWhole } from "./whole.ts";

/*
 * What soak.ts starts. One process plans, a process for each processor does the pieces, and what of them is known at the end is
 * held against what was promised. A message, or the end of who started it, ends it after the pieces under way.
 */
const { values } = parseArgs({
  options: {
    whole: { type: "boolean", default: false },
    minutes: { type: "string" },
    seed: { type: "string" },
    rounds: { type: "string" },
    share: { type: "string", default: "1/1" },
    least: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const LEAST_FAULTS = 10_000;
const MINUTES = 60;
const TELL_EVERY_MS = 60_000;
/** Of one kind of finding, at the end; the places come before them, all. */
const MOST_DETAILS = 1_000;
/** Of one process: what waits for a disk or a server leaves the processor to others. */
const AT_ONCE = 2;
/** As a piece, so that a soak that is ended before all is planned does not say that it went through everything. */
const PLANNING = "planning";

const { whole } = values;
const [part = 1, parts = 1] = values.share.split("/").map(Number);
const seed = Number(values.seed ?? (whole ? 1 : Math.floor(Math.random() * 1e9)));
const rounds = whole ? 1 : Number(values.rounds ?? Number.MAX_SAFE_INTEGER);
const minutes = values.minutes ?? (whole || values.rounds !== undefined ? undefined : MINUTES);
const lastsMs = minutes === undefined ? undefined : Number(minutes) * 60_000;
const only = values.only.split(",").filter((word) => word !== "");
const areFaultsPromised = values.rounds === undefined && (only.length === 0 || only.includes("faults"));
const least = Number(values.least ?? (areFaultsPromised ? Math.ceil(LEAST_FAULTS / parts) : 0));
const strange = only.filter((word) => !KINDS.some((kind) => kind === word));
if (strange.length > 0) throw new Error(`--only ${strange.join(",")}: there is ${KINDS.join(", ")}`);
if (![part, parts, seed, rounds, least, lastsMs ?? 0].every(Number.isFinite) || part < 1 || part > parts)
  throw new Error("usage: --whole | --minutes N | --rounds N, --seed N, --share 1/4, --least N, --only kills,stops");

const coverage = newCoverage();
const undone: string[] = [];
let toldAt = Date.now();
let isEnded = false;
let queue: SoakQueue | undefined;
for (const told of ["message", "disconnect"] as const) process.once(told, end);
process.channel?.unref();
if (lastsMs !== undefined) setTimeout(end, lastsMs).unref();

const withoutS3 = noVersitygw === false ? undefined : noVersitygw;
if (withoutS3 !== undefined) console.log(`without S3: ${withoutS3}`);
console.log(`--seed ${seed}, ${least} faults promised${only.length === 0 ? "" : `, only ${only.join(", ")}`}`);
{
  await using server = withoutS3 === undefined ? await startVersitygw() : undefined;
  const access = server && { endpoint: server.endpoint, region: server.region, credentials: server.credentials };
  await using started = new AsyncDisposableStack();
  const workers = Array.from({ length: availableParallelism() }, () => started.use(startWorker()));
  for (let round = 0; round < rounds && !isEnded; round += 1) await goThrough(seed + round, access, workers);
}

console.log(findingLines(coverage.total().findings, MOST_DETAILS).join("\n"));
console.log(coverage.lines().join("\n"));
const broken = [...undone, ...coverage.broken({ least, whole, withoutS3 })];
for (const line of broken) console.log(`FAILED: ${line}`);
process.exitCode = broken.length > 0 ? 1 : 0;

function end(): void {
  isEnded = true;
  queue?.end();
}

type Access = Parameters<typeof storesAt>[0];

async function goThrough(roundSeed: number, server: Access, workers: readonly SoakWorker[]): Promise<void> {
  const random = randomOf(roundSeed);
  const bigBytes = whole ? 5_000 : 1 + random.below(random.chance(0.2) ? 5_000_000 : 200_000);
  const pieces = soakQueue(randomOf(roundSeed), () => coverage.total().faults < least);
  queue = pieces;
  const places = workers.flatMap((worker) => Array.from({ length: AT_ONCE }, () => worker));
  const failed = (what: string, error: unknown) => {
    undone.push(`${what}: --seed ${roundSeed}: ${error instanceof Error ? error.stack : String(error)}`);
    console.log(undone.at(-1));
  };
  const plan = async () => {
    coverage.plan({ [PLANNING]: 1 });
    for await (const piece of planWhole({ stores: storesAt(server), bigBytes, seed: roundSeed, random })) {
      if (isEnded) return;
      if (shareOf(piece, parts) !== part - 1 || !isOf(piece, only)) continue;
      coverage.plan({ [piece.kind]: 1 });
      pieces.add(piece);
    }
    coverage.add(PLANNING, newTally());
  };
  const planning = plan()
    .catch((error: unknown) => failed("not all could be planned", error))
    .finally(() => pieces.close());
  const working = places.map(async (worker) => {
    for (let piece = await pieces.take(); piece !== undefined; piece = await pieces.take()) {
      try {
        hear(piece.kind, await worker.run({ server, bigBytes, piece }));
      } catch (error) {
        failed(`a piece could not be done: ${piece.kind}`, error);
      }
    }
  });
  await Promise.all([planning, ...working]);
}

function hear(kind: string, tally: Parameters<typeof coverage.add>[1]): void {
  coverage.add(kind, tally);
  for (const line of findingLines(tally.findings)) console.log(line);
  if (Date.now() - toldAt < TELL_EVERY_MS) return;
  toldAt = Date.now();
  console.log(summary(coverage.total()));
}

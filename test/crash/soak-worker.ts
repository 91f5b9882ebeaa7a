import "./no-waiting.ts";
import { eachLimited } from "../../lib/pool.ts";
import type { S3Access } from "../support/s3-server.ts";
import { randomOf } from "./random.ts";
import { onS3 } from "./s3-store.ts";
import { inMemory, onFilesystem } from "./stores.ts";
import type { Tally } from "./tally.ts";
import { piecesOf } from "./whole.ts";

/** What one process of several is to do: of each round the pieces number `share`, `share + of`, … */
export interface SoakTask {
  readonly server: S3Access | undefined;
  readonly seed: number;
  readonly whole: boolean;
  readonly rounds: number;
  /** For how long pieces are begun, once it is known which there are; absent for no end. */
  readonly lastsMs?: number;
  readonly share: number;
  readonly of: number;
}

/** A piece that was done, or one that could not be. */
export type SoakNews =
  | { readonly planned: Readonly<Record<string, number>> }
  | { readonly kind: string; readonly tally: Tally }
  | { readonly kind: string; readonly error: string };

/** What waits for a disk or a server leaves the processor to others. */
const AT_ONCE = 2;

/** A SoakTask as JSON in the first message; SoakNews in what it answers. Any other message ends it after the pieces under way. */
if (process.argv[1] === import.meta.filename) {
  let ended = false;
  process.on("SIGINT", () => {});
  process.once("message", (task: SoakTask) => {
    process.once("message", () => {
      ended = true;
    });
    void work(task, () => ended).finally(() => process.disconnect());
  });
}

async function work(task: SoakTask, isEnded: () => boolean): Promise<void> {
  const { server, whole, rounds, share, of, lastsMs = Number.POSITIVE_INFINITY } = task;
  let ends = Number.POSITIVE_INFINITY;
  const isOver = () => isEnded() || Date.now() >= ends;
  const stores = [inMemory, onFilesystem, ...(server === undefined ? [] : [onS3(server)])];
  for (let round = 0; round < rounds && !isOver(); round += 1) {
    const seed = task.seed + round;
    const random = randomOf(seed);
    const bigBytes = whole ? 5_000 : 1 + random.below(random.chance(0.2) ? 5_000_000 : 200_000);
    const pieces = (await piecesOf({ stores, bigBytes, seed, random })).filter((_, n) => n % of === share);
    if (round === 0) ends = Date.now() + lastsMs;
    const planned = Map.groupBy(pieces, ({ kind }) => kind);
    tell({ planned: Object.fromEntries([...planned].map(([kind, ones]) => [kind, ones.length])) });
    await eachLimited(pieces, AT_ONCE, async ({ kind, run }) => {
      if (isOver()) return;
      try {
        tell({ kind, tally: await run() });
      } catch (error) {
        tell({ kind, error: `--seed ${seed}: ${error instanceof Error ? error.stack : String(error)}` });
      }
    });
  }
}

const tell = (news: SoakNews) => process.send?.(news);

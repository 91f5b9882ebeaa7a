import "./no-waiting.ts";
import type { S3Access } from "../support/s3-server.ts";
import { doerOf, type Piece } from "./piece.ts";
import { onS3 } from "./s3-store.ts";
import { inMemory, onFilesystem, type StoreKind } from "./stores.ts";
import type { Tally } from "./tally.ts";
import { veiled } from "./veiled-store.ts";

/** A piece for one process of several, and the round that it is of. */
export interface SoakTask {
  readonly id: number;
  readonly server: S3Access | undefined;
  readonly bigBytes: number;
  readonly piece: Piece;
}

/** A piece that was done, or one that could not be. */
export type SoakNews = { readonly id: number } & ({ readonly tally: Tally } | { readonly error: string });

export const storesAt = (server: S3Access | undefined): readonly StoreKind[] => [
  inMemory,
  onFilesystem,
  veiled(onFilesystem),
  ...(server === undefined ? [] : [onS3(server), veiled(onS3(server))]),
];

/** SoakTasks in messages, SoakNews in what it answers, each when it is done. */
if (process.argv[1] === import.meta.filename) {
  let round: { readonly bigBytes: number; readonly doing: ReturnType<typeof doerOf> } | undefined;
  const tell = (news: SoakNews) => process.send?.(news);
  process.on("message", ({ id, server, bigBytes, piece }: SoakTask) => {
    if (round?.bigBytes !== bigBytes) round = { bigBytes, doing: doerOf(storesAt(server), bigBytes) };
    void round.doing(piece).then(
      (tally) => tell({ id, tally }),
      (error: unknown) => tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

import type { Piece } from "./piece.ts";
import type { Random } from "./random.ts";

/** What is still to be done, while it is being planned. */
export interface SoakQueue {
  add(piece: Piece): void;
  /** One that nobody was given yet, as soon as there is one; undefined when there will be none any more. */
  take(): Promise<Piece | undefined>;
  /** No more are to come. */
  close(): void;
  /** Nothing more is to be done. */
  end(): void;
}

/** The kind that takes 20 ms a fault; on files it is ten times that, on S3 forty. */
const FIRST = "faults, memory";
/** How many times as fast a kind is gone through. */
const AHEAD: Readonly<Record<string, number>> = { "jumps of the clock": 8, "faults, filesystem": 2 };

interface Kind {
  readonly waiting: Piece[];
  planned: number;
}

/**
 * Hands each piece out once. As long as `lacksFaults`, faults in memory; then an order in which after any part of it the same
 * part of each kind was done, but for what goes ahead.
 */
export function soakQueue(random: Random, lacksFaults: () => boolean): SoakQueue {
  const kinds = new Map<string, Kind>();
  const takers: ((piece: Piece | undefined) => void)[] = [];
  let isClosed = false;

  function next(): Piece | undefined {
    const waiting = [...kinds].filter(([, one]) => one.waiting.length > 0);
    const part = ([kind, one]: (typeof waiting)[number]) =>
      (one.planned - one.waiting.length) / one.planned / (AHEAD[kind] ?? 1);
    const first = lacksFaults() ? waiting.find(([kind]) => kind === FIRST) : undefined;
    const [, chosen] = first ?? waiting.sort((a, b) => part(a) - part(b))[0] ?? [];
    return chosen?.waiting.splice(random.below(chosen.waiting.length), 1)[0];
  }

  function letGo(): void {
    for (const taker of takers.splice(0)) taker(undefined);
  }

  return {
    add(piece) {
      const one = kinds.get(piece.kind) ?? { waiting: [], planned: 0 };
      kinds.set(piece.kind, one);
      one.planned += 1;
      one.waiting.push(piece);
      if (takers.length > 0) takers.shift()?.(next());
    },
    async take() {
      const piece = next();
      if (piece !== undefined || isClosed) return piece;
      return new Promise((resolve) => takers.push(resolve));
    },
    close() {
      isClosed = true;
      letGo();
    },
    end() {
      isClosed = true;
      kinds.clear();
      letGo();
    },
  };
}

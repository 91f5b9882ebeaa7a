import type { Bytes } from "./bytes.ts";

/** A stream that is written piece by piece, as a conversation with a program goes on. */
export interface PushedBytes {
  readonly bytes: Bytes;
  push(piece: Uint8Array): void;
  end(): void;
}

export function pushedBytes(): PushedBytes {
  const pieces: Uint8Array[] = [];
  let ended = false;
  let wake = () => {};
  async function* bytes(): Bytes {
    for (;;) {
      const piece = pieces.shift();
      if (piece !== undefined) yield piece;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  return {
    bytes: bytes(),
    push(piece) {
      if (!ended) pieces.push(piece);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
  };
}

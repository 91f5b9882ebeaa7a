/** Cuts a stream into chunks of one size, as its pieces come. */
export interface Chunks {
  /** What is whole and not the last: valid until the next one is taken. Copies only where a chunk spans two pieces. */
  cut(piece: Uint8Array): Iterable<Uint8Array>;
  /** The last one, once all pieces were cut. Empty only for a stream that was empty. */
  last(): Uint8Array;
}

export function chunksOf(size: number): Chunks {
  const held = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  return {
    *cut(piece) {
      for (let offset = 0; offset < piece.byteLength; ) {
        if (filled === size) {
          filled = 0;
          yield held;
        }
        for (; filled === 0 && piece.byteLength - offset > size; offset += size) {
          yield piece.subarray(offset, offset + size);
        }
        const count = Math.min(size - filled, piece.byteLength - offset);
        held.set(piece.subarray(offset, offset + count), filled);
        filled += count;
        offset += count;
      }
    },
    last: () => held.subarray(0, filled),
  };
}

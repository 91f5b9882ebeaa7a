/** Cuts a stream into pieces whose first four bytes say how long they are. Holds at most one of them. */
export interface TokenReader {
  push(chunk: Uint8Array): void;
  /** True when the stream could end here. */
  isBetween(): boolean;
}

/**
 * `lengthOf` answers the length of the token whose first four bytes are at `at`, at least four; it may throw. `onToken` gets
 * each whole one, valid until the next `push`.
 */
export function tokenReader(
  lengthOf: (bytes: Buffer, at: number) => number,
  onToken: (token: Buffer) => void,
): TokenReader {
  /** A token that is not complete yet, or its first four bytes, which say how long it is. */
  let held: Buffer | undefined;
  let filled = 0;

  /** Takes what the held token lacks from `chunk`, and answers how much that was. */
  function fill(chunk: Buffer, at: number): number {
    held ??= Buffer.allocUnsafeSlow(4);
    const count = chunk.copy(held, filled, at, Math.min(chunk.byteLength, at + held.byteLength - filled));
    filled += count;
    if (filled < held.byteLength) return count;
    const length = lengthOf(held, 0);
    const whole = held;
    if (filled < length) {
      held = Buffer.allocUnsafeSlow(length);
      whole.copy(held);
    } else {
      held = undefined;
      filled = 0;
      onToken(whole);
    }
    return count;
  }

  return {
    push(piece) {
      const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      let at = 0;
      while (at < chunk.byteLength) {
        const length = held === undefined && chunk.byteLength - at >= 4 ? lengthOf(chunk, at) : undefined;
        if (length !== undefined && chunk.byteLength - at >= length) {
          onToken(chunk.subarray(at, at + length));
          at += length;
        } else at += fill(chunk, at);
      }
    },
    isBetween: () => held === undefined,
  };
}

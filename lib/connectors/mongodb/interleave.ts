/** What a source gave next, and which one. */
export interface Turn<Source, Piece> {
  readonly source: Source;
  /** Undefined when the source has ended. */
  readonly piece: Piece | undefined;
}

/**
 * Reads up to `limit` sources at once and gives their pieces as they come. Each is one piece ahead of its reader and no
 * further. A source that ends makes room for the next, in order. Stopping early, or a throw, aborts the signal that
 * each was given, so that none waits for what is under way, and ends all of them.
 */
export async function* interleave<Source, Piece>(
  sources: Iterable<Source>,
  limit: number,
  read: (source: Source, signal: AbortSignal) => AsyncIterator<Piece, undefined>,
): AsyncGenerator<Turn<Source, Piece>> {
  const waiting = sources[Symbol.iterator]();
  const running = new Map<Source, AsyncIterator<Piece, undefined>>();
  const ready: (() => Turn<Source, Piece>)[] = [];
  const stop = new AbortController();
  let wake = () => {};

  function begin(): void {
    const next = waiting.next();
    if (next.done === true) return;
    const iterator = read(next.value, stop.signal);
    running.set(next.value, iterator);
    ask(next.value, iterator);
  }

  /** Its rejection is an answer too, heard when its turn comes. */
  function ask(source: Source, iterator: AsyncIterator<Piece, undefined>): void {
    const answer = (given: () => Turn<Source, Piece>) => {
      ready.push(given);
      wake();
    };
    iterator.next().then(
      (result) => answer(() => ({ source, piece: result.done === true ? undefined : result.value })),
      (error: unknown) =>
        answer(() => {
          throw error;
        }),
    );
  }

  try {
    for (let slot = 0; slot < limit; slot += 1) begin();
    while (running.size > 0) {
      if (ready.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const turn = ready.shift()?.();
      if (turn === undefined) continue;
      const iterator = running.get(turn.source);
      if (turn.piece === undefined) running.delete(turn.source);
      else if (iterator !== undefined) ask(turn.source, iterator);
      yield turn;
      // Only now: while its end is being written the namespace still counts as open.
      if (turn.piece === undefined) begin();
    }
  } finally {
    stop.abort();
    await Promise.allSettled([...running.values()].map(async (iterator) => iterator.return?.()));
  }
}

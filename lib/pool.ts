/**
 * Runs `work` over `items` with at most `limit` at once, taking the next item only when there is room for it.
 * The first throw stops the taking, waits for what is under way, and is thrown.
 */
export async function eachLimited<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  for await (const item of items) {
    if (failure !== undefined) break;
    const one: Promise<void> = work(item)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => running.delete(one));
    running.add(one);
    if (running.size >= limit) await Promise.race(running);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
}

/**
 * What `work` makes of each item, in the order of the items, with so many at work at once as `limit` says by then: the one that is waited for, and those
 * ahead of it. Stopping early, or a throw, waits for what is under way.
 */
export async function* mapAhead<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: () => number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const ahead: Promise<R>[] = [];
  async function* taken(most: () => number): AsyncGenerator<R> {
    while (ahead.length >= most()) {
      const next = ahead.shift();
      if (next === undefined) return;
      yield await next;
    }
  }
  try {
    for await (const item of items) {
      const one = work(item);
      // Its failure is met when its turn comes.
      one.catch(() => {});
      ahead.push(one);
      yield* taken(limit);
    }
    yield* taken(() => 0);
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** As `eachLimited` for the items of each key by themselves, side by side: what hangs for one key holds up the others in nothing. */
export async function eachLimitedBy<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const lanes = [...Map.groupBy(items, keyOf).values()];
  await Promise.all(lanes.map((lane) => eachLimited(lane, limit, work)));
}

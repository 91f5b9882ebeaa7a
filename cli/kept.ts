/**
 * Answers what `make` last answered for `keptMs`, so that however many ask, the storage is read once. Who asks while it is
 * made waits for that; what failed is not kept.
 */
export function kept<T>(keptMs: number, now: () => Date, make: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly made: Promise<T> } | undefined;
  return () => {
    const at = now().getTime();
    if (last !== undefined && Math.abs(at - last.at) < keptMs) return last.made;
    const mine = { at, made: make() };
    last = mine;
    mine.made.catch(() => {
      if (last === mine) last = undefined;
    });
    return mine.made;
  };
}

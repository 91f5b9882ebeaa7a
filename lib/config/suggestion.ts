/** Longer names are never near anything, and comparing them would take time that a hostile file could ask for. */
const MAX_LENGTH = 64;

/** ` (did you mean keep_daily?)` when one of `known` is near `name`, else nothing. For the end of a message. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}

/** The one of `known` that `name` is most likely a misspelling of. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const one of known) {
    const distance = distanceBetween(plain(name), plain(one));
    if (distance <= allowed(name, one) && (best === undefined || distance < best.distance))
      best = { name: one, distance };
  }
  return best?.name;
}

/** A third of the word may be wrong, and never all of a short one. */
const allowed = (name: string, known: string): number =>
  Math.min(3, Math.floor(Math.max(name.length, known.length) / 3));

const plain = (text: string): string => text.toLowerCase().replaceAll(/[-\s]/g, "_");

/** Optimal string alignment: insertions, deletions, replacements, and neighbours exchanged. */
function distanceBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

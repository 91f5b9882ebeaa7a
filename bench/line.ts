/** One ratio of one benchmark. `ours` and `theirs` are medians in `unit`; `ratio` is ours to theirs, where that could be measured. */
export interface BenchLine {
  /** `files: time of storing a unit` */
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | undefined;
  readonly unit: string;
  readonly ratio: number | undefined;
  /** What is wanted, for people: `<= 1.15x`. */
  readonly want: string;
  /** Undefined where nothing is wanted. */
  readonly ok: boolean | undefined;
}

/** A line that wants the ratio to be at most, or at least, some figure. */
export function benchLine(
  name: string,
  figures: { readonly ours: number; readonly theirs: number; readonly unit: string },
  want: { readonly atMost: number } | { readonly atLeast: number },
): BenchLine {
  const ratio = figures.ours / figures.theirs;
  return "atMost" in want
    ? { name, ...figures, ratio, want: `<= ${want.atMost}x`, ok: ratio <= want.atMost }
    : { name, ...figures, ratio, want: `>= ${want.atLeast}x`, ok: ratio >= want.atLeast };
}

/** What is shown and not judged. */
export const forInformation = (line: BenchLine): BenchLine => ({ ...line, want: "for information", ok: undefined });

/** What was measured without the rival, which is not here: it says so, and meets nothing. */
export function loneLine(
  name: string,
  figures: { readonly ours: number; readonly unit: string },
  rival: string,
): BenchLine {
  return {
    name,
    ...figures,
    theirs: undefined,
    ratio: undefined,
    want: `${rival} was not here to compare with`,
    ok: undefined,
  };
}

/** `files: time 1.02x of the pipe (want <= 1.15x): ok` */
export function lineText(line: BenchLine): string {
  const ours = `${line.ours.toPrecision(3)} ${line.unit}`;
  if (line.theirs === undefined || line.ratio === undefined) return `${line.name} ${ours} (${line.want})`;
  const figures = `${ours} to ${line.theirs.toPrecision(3)} ${line.unit}`;
  const name = `${line.name} ${line.ratio.toFixed(2)}x`;
  if (line.ok === undefined) return `${name} (${line.want}), ${figures}`;
  return `${name} (want ${line.want}), ${figures}: ${line.ok ? "ok" : "MISSED"}`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("no values to take the median of");
  return sorted.length % 2 === 1 ? middle : (middle + (sorted[sorted.length / 2 - 1] ?? middle)) / 2;
}

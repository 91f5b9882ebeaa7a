/** Bytes so far at a moment. */
export interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** Long enough that one slow chunk does not make the figure jump, short enough that a stall shows. */
const WINDOW_MS = 5_000;
const SPACING_MS = 250;
const LEAST_SPAN_MS = 500;

/** With `next` added: few samples, far enough apart, of the last seconds. The last one is always the newest. */
export function sampled(samples: readonly Sample[], next: Sample): Sample[] {
  // After a stall the newest one stays, however old, so that the stall counts.
  const recent = samples.filter((sample, n) => next.atMs - sample.atMs <= WINDOW_MS || n === samples.length - 1);
  const last = recent.at(-1);
  const before = recent.at(-2);
  const replaces = last !== undefined && before !== undefined && last.atMs - before.atMs < SPACING_MS;
  return [...(replaces ? recent.slice(0, -1) : recent), next];
}

/** Bytes a second over the window that ends now; undefined while there is too little to say. */
export function byteRate(samples: readonly Sample[], nowMs: number): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const span = nowMs - first.atMs;
  return span < LEAST_SPAN_MS ? undefined : ((last.bytes - first.bytes) / span) * 1000;
}

/** Things that happen close together, handed on together. */
export interface Gathering<T> {
  add(one: T): void;
  /** Hands on what there is, and waits until everything was taken. */
  flush(): Promise<void>;
}

export interface GatherOptions<T> {
  readonly quietMs: number;
  readonly mostMs: number;
  /** Whether what comes next is taken at once, beside what is still being taken. Default: false, one after the other. */
  readonly sideBySide?: boolean;
  /** While more is to come that belongs to it, what was gathered waits for that, though it is quiet: as long as `mostMs` of its own. */
  readonly more?: { readonly isToCome: (gathered: readonly T[]) => boolean; readonly mostMs: number };
}

/**
 * Hands on what was added when nothing more came for `quietMs`, or after `mostMs` in any case: forty jobs that fail
 * because one storage is down are one message. `take` must not throw.
 */
export function gather<T>(
  { quietMs, mostMs, sideBySide = false, more }: GatherOptions<T>,
  take: (all: readonly T[]) => Promise<void>,
): Gathering<T> {
  let gathered: T[] = [];
  let firstAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let taking: Promise<void> = Promise.resolve();
  const handOn = () => {
    clearTimeout(timer);
    const all = gathered;
    gathered = [];
    if (all.length === 0) return taking;
    taking = sideBySide ? Promise.all([taking, take(all)]).then(() => {}) : taking.then(() => take(all));
    return taking;
  };
  const leftOf = (ms: number) => Math.max(0, firstAt + ms - performance.now());
  const wait = (most: number) => {
    clearTimeout(timer);
    timer = setTimeout(handOnUnlessMore, Math.min(quietMs, leftOf(most)));
  };
  const handOnUnlessMore = () => {
    if (more !== undefined && leftOf(more.mostMs) > 0 && more.isToCome(gathered)) wait(more.mostMs);
    else void handOn();
  };
  return {
    add(one) {
      if (gathered.length === 0) firstAt = performance.now();
      gathered.push(one);
      wait(mostMs);
    },
    flush: handOn,
  };
}

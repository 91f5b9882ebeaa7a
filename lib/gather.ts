/** Things that happen close together, handed on together. */
export interface Gathering<T> {
  add(one: T): void;
  /** Hands on what there is, and waits until everything was taken. */
  flush(): Promise<void>;
}

export interface GatherOptions {
  readonly quietMs: number;
  readonly mostMs: number;
  /** Whether what comes next is taken at once, beside what is still being taken. Default: false, one after the other. */
  readonly sideBySide?: boolean;
}

/**
 * Hands on what was added when nothing more came for `quietMs`, or after `mostMs` in any case: forty jobs that fail
 * because one storage is down are one message. `take` must not throw.
 */
export function gather<T>(
  { quietMs, mostMs, sideBySide = false }: GatherOptions,
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
  return {
    add(one) {
      if (gathered.length === 0) firstAt = performance.now();
      gathered.push(one);
      clearTimeout(timer);
      timer = setTimeout(() => void handOn(), Math.max(0, Math.min(quietMs, firstAt + mostMs - performance.now())));
    },
    flush: handOn,
  };
}

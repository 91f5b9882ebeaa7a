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
  /**
   * What has more to come that belongs to it waits for that, though it is quiet: as long as `mostMs` of its own. What has not is handed on
   * beside it, and waits for nobody.
   */
  readonly more?: { readonly isToCome: (one: T, gathered: readonly T[]) => boolean; readonly mostMs: number };
}

interface Added<T> {
  readonly one: T;
  readonly at: number;
}

/**
 * Hands on what was added when nothing more came for `quietMs`, or after `mostMs` in any case: forty jobs that fail
 * because one storage is down are one message. `take` must not throw.
 */
export function gather<T>(
  { quietMs, mostMs, sideBySide = false, more }: GatherOptions<T>,
  take: (all: readonly T[]) => Promise<void>,
): Gathering<T> {
  let gathered: readonly Added<T>[] = [];
  /** When the first was added that has not been looked at yet. */
  let firstAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let taking: Promise<void> = Promise.resolve();

  function wait(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void handOn(waiting()), ms);
  }

  /** When one has waited as long as it may, all go that are there: those of one time are told together. */
  function waiting(): readonly Added<T>[] {
    const now = performance.now();
    if (more === undefined || gathered.some(({ at }) => now - at >= more.mostMs)) return [];
    const all = gathered.map(({ one }) => one);
    return gathered.filter(({ one }) => more.isToCome(one, all));
  }

  function handOn(staying: readonly Added<T>[]): Promise<void> {
    clearTimeout(timer);
    const all = gathered.filter((added) => !staying.includes(added)).map(({ one }) => one);
    gathered = staying;
    firstAt = undefined;
    if (staying.length > 0) wait(quietMs);
    if (all.length === 0) return taking;
    taking = sideBySide ? Promise.all([taking, take(all)]).then(() => {}) : taking.then(() => take(all));
    return taking;
  }

  return {
    add(one) {
      const now = performance.now();
      firstAt ??= now;
      gathered = [...gathered, { one, at: now }];
      wait(Math.min(quietMs, Math.max(0, firstAt + mostMs - now)));
    },
    flush: () => handOn([]),
  };
}

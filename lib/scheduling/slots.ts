/** Room for so many at once. What finds none waits its turn, first come first served. */
export interface Slots {
  /** Throws what `work` throws. */
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Another number of them, from the next one on. */
  resize(count: number): void;
}

export function createSlots(count: number): Slots {
  let free = count;
  let total = count;
  const waiting: (() => void)[] = [];
  const admit = () => {
    while (free > 0 && waiting.length > 0) {
      free -= 1;
      waiting.shift()?.();
    }
  };
  return {
    async take(work) {
      await new Promise<void>((admitted) => {
        waiting.push(admitted);
        admit();
      });
      try {
        return await work();
      } finally {
        free += 1;
        admit();
      }
    },
    resize(next) {
      free += next - total;
      total = next;
      admit();
    },
  };
}

import { setFlagsFromString } from "node:v8";

/**
 * Fits V8's garbage collection to streams, whose pieces are small objects that hold 64 KiB or more outside of the heap. Called
 * once, first, by entry points.
 *
 * V8's space for new objects is kept at its first size: where it grows, as it does in a process that streams for long, dead
 * pieces lie around in it for longer, and the peak of memory grows with the data. It costs no time that can be measured.
 *
 * No more than that: marking in one go (`--no-incremental-marking`) spared a tenth of the processor's time, and now and then a
 * process hung when it ended, since a thread that compiles waited for a collection that nobody began any more.
 */
export function tuneGarbageCollection(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

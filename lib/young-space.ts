import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's space for new objects at its first size. A stream's pieces are small objects that hold 64 KiB outside of the heap: where
 * that space grows, as it does in a process that streams for long, dead pieces lie around in it for longer, and the
 * peak of memory grows with the data. It costs no time that can be measured. Called once, first, by entry points.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

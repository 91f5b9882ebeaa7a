import * as z from "zod";

/** Values with a unit, written as people write them. */

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
/** The longest that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const DURATION = /^([1-9]\d{0,8})([smhdw])$/;
const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,3})?)%$/;
const SIZE = /^([1-9]\d{0,8}(?:\.\d{1,3})?) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
const SIZE_BYTES = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const GROWTH = /^(\d{1,6}(?:\.\d{1,3})?)%$/;
const A_SIZE = "must be a size with a unit, such as 500 MB or 10 GiB";
const A_GROWTH = "must be a percentage, such as 50% or 300%";
const A_DURATION = "must be a whole number with a unit, such as 30s, 15m, 2h, 1d or 1w";
const A_PERCENTAGE = "must be a percentage from 0% to 100%, such as 10%";

/** `30s`, `15m`, `2h`, `1d`, `1w`; parsed to milliseconds. */
export const duration = z
  .string({ error: A_DURATION })
  .regex(DURATION, { error: A_DURATION, abort: true })
  .refine((text) => milliseconds(text) <= MAX_TIMER_MS, { error: "must not be longer than 24d" })
  .transform(milliseconds);

/** The same for what no timer waits for: how old something may be. */
export const age = z
  .string({ error: A_DURATION })
  .regex(DURATION, { error: A_DURATION, abort: true })
  .transform(milliseconds);

/** `10 GiB`; parsed to bytes. */
export const size = z
  .string({ error: A_SIZE })
  .regex(SIZE, { error: A_SIZE, abort: true })
  .transform((text) => {
    const [, count, unit] = SIZE.exec(text) ?? [];
    return Math.round(Number(count) * SIZE_BYTES[unit as keyof typeof SIZE_BYTES]);
  });

/** `300%`; parsed to a fraction, which may be above 1. */
export const growth = z
  .string({ error: A_GROWTH })
  .regex(GROWTH, { error: A_GROWTH, abort: true })
  .transform((text) => Number(GROWTH.exec(text)?.[1]) / 100);

const NONE_OR_DURATION = `must be 0, or ${A_DURATION.slice("must be ".length)}`;

/** A duration, or `0` for none. */
export const durationOrNone = z.union([z.literal(0), duration], { error: NONE_OR_DURATION });

/** `10%`; parsed to a fraction from 0 to 1. */
export const percentage = z
  .string({ error: A_PERCENTAGE })
  .regex(PERCENTAGE, { error: A_PERCENTAGE, abort: true })
  .refine((text) => fraction(text) <= 1, { error: A_PERCENTAGE })
  .transform(fraction);

function milliseconds(text: string): number {
  const [, count, unit] = DURATION.exec(text) ?? [];
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

function fraction(text: string): number {
  return Number(PERCENTAGE.exec(text)?.[1]) / 100;
}

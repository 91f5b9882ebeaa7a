export type Period = "daily" | "weekly" | "monthly" | "yearly";

/** A snapshot's place in the calendar: `2026-11-20`, `2026-W47`, `2026-11`, `2026`. */
export type CalendarLabels = Readonly<Record<Period, string>>;

interface Slot {
  readonly period: Period;
  /** From 1, the newest. */
  readonly position: number;
  readonly label: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The days, ISO weeks, months and years of a time zone. @throws RangeError for a zone that there is not */
export function calendarLabels(time: Date, timezone: string): CalendarLabels {
  const { year, month, day } = localDate(time, timezone);
  const weekly = isoWeek(year, month, day);
  const monthly = `${digits(year, 4)}-${digits(month, 2)}`;
  return { daily: `${monthly}-${digits(day, 2)}`, weekly, monthly, yearly: digits(year, 4) };
}

/**
 * The slots of one period: the newest of each bucket, for the newest `count` buckets that hold anything at all. So a
 * pause leaves no slot empty, and what is kept stays kept when it is decided again over what was kept.
 * `newestFirst` and the answer are in the same order; an item without a slot has `undefined`.
 */
export function slotsOf(newestFirst: readonly CalendarLabels[], period: Period, count: number): (Slot | undefined)[] {
  const seen = new Set<string>();
  return newestFirst.map((labels) => {
    // A set, not the label before: a clock put back just after midnight (St. John's did it at 00:01) revisits a day.
    const label = labels[period];
    if (seen.has(label)) return undefined;
    seen.add(label);
    return seen.size <= count ? { period, position: seen.size, label } : undefined;
  });
}

function localDate(time: Date, timezone: string): { year: number; month: number; day: number } {
  const parts = formatFor(timezone).formatToParts(time);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return { year: part("year"), month: part("month"), day: part("day") };
}

/** Making one takes a hundred times as long as using it. */
function formatFor(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "iso8601",
    numberingSystem: "latn",
    year: "numeric",
    month: "numeric",
    day: "numeric",
  });
  formats.set(timezone, format);
  return format;
}

/** ISO 8601: a week belongs to the year that its Thursday is in. */
function isoWeek(year: number, month: number, day: number): string {
  const thursday = new Date(Date.UTC(year, month - 1, day));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const weekYear = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(weekYear, 0, 1)) / 86_400_000;
  return `${digits(weekYear, 4)}-W${digits(Math.floor(days / 7) + 1, 2)}`;
}

const digits = (value: number, length: number): string => String(value).padStart(length, "0");

import { Cron } from "croner";

/** The fields are checked here and not by croner, so that a message can name the one that is wrong. */

export interface Schedule {
  /** Minute, hour, day of month, month, day of week (0 and 7 are both Sunday). */
  readonly fields: readonly ScheduleField[];
}

export interface ScheduleField {
  /** Names replaced by numbers. */
  readonly text: string;
  /** Exactly `*`, and no step of it. */
  readonly isAny: boolean;
  readonly values: ReadonlySet<number>;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Three letters each, the first one standing for `firstName`. */
  readonly names: readonly string[];
  readonly firstName: number;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59, names: [], firstName: 0 },
  { name: "hour", min: 0, max: 23, names: [], firstName: 0 },
  { name: "day of month", min: 1, max: 31, names: [], firstName: 0 },
  { name: "month", min: 1, max: 12, names: MONTHS, firstName: 1 },
  { name: "day of week", min: 0, max: 7, names: DAYS, firstName: 0 },
];
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);
/** Longest, so that 29 February counts as a date that comes. */
const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const crons = new Map<string, Cron>();
const MAX_CRONS = 500;
const FIELD_NAMES = FIELDS.map(({ name }) => name).join(", ");

class ScheduleFault extends RangeError {}

/**
 * A cron expression of five fields with lists, ranges, steps and names (`MON`, `JAN`), or a nickname (`@daily`).
 * @throws RangeError that names the field that is wrong and why, for an operator
 */
export function parseSchedule(text: string): Schedule {
  const nickname = text.trim().startsWith("@") ? nicknamed(text.trim()) : undefined;
  const fields = (nickname ?? text).trim().split(/[ \t]+/);
  if (text.trim() === "") throw new ScheduleFault(`an empty schedule: give five fields (${FIELD_NAMES})`);
  if (fields.length !== FIELDS.length) {
    const seconds = fields.length > FIELDS.length ? "; seconds and years are not supported" : "";
    throw new ScheduleFault(`a schedule has 5 fields (${FIELD_NAMES}), this one has ${fields.length}${seconds}`);
  }
  const parsed = FIELDS.map((field, index) => parseField(field, fields[index] ?? ""));
  refuseImpossible(parsed);
  return { fields: parsed };
}

/** What is wrong with a schedule, or undefined. */
export function scheduleFault(text: string): string | undefined {
  try {
    parseSchedule(text);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleFault) return error.message;
    throw error;
  }
}

/**
 * The next `count` times strictly after `from`. Where clocks go forward, times that the day lacks run once, at the first
 * moment after the gap; where they go back, a time that comes twice runs the first time only. A schedule of every hour
 * follows the clock itself: it runs in both hours and skips what is not there.
 * @throws RangeError for a schedule that `parseSchedule` refuses, and for an unknown time zone
 */
export function nextRuns(schedule: string, timezone: string, from: Date, count: number): Date[] {
  return cronOf(schedule, timezone).nextRuns(count, from);
}

/** Kept: a scheduler asks for each job again and again. */
function cronOf(schedule: string, timezone: string): Cron {
  const key = `${timezone} ${schedule}`;
  const known = crons.get(key);
  if (known !== undefined) return known;
  const { fields } = parseSchedule(schedule);
  if (!isTimezone(timezone)) throw new RangeError(`unknown time zone ${timezone}`);
  const options = { mode: "5-part", timezone, paused: true, fixedTimeRule: "no-wildcard" } as const;
  const cron = new Cron(clockPattern(fields), options);
  if (crons.size >= MAX_CRONS) crons.clear();
  crons.set(key, cron);
  return cron;
}

/**
 * croner takes whatever has a star or a step in minute or hour for an interval, and leaves it out where the clock has a
 * gap: every ten minutes of the hour from two to three would not run on that day at all. So those two fields become plain
 * lists, unless every hour is meant.
 */
function clockPattern([minute, hour, ...days]: readonly ScheduleField[]): string {
  const everyHour = hour?.values.size === 24;
  const list = ({ values }: ScheduleField) => [...values].sort((a, b) => a - b).join(",");
  const clock = [minute, hour].map((field) =>
    field === undefined || (everyHour && field === hour) ? "*" : list(field),
  );
  return [...clock, ...days.map(({ text }) => text)].join(" ");
}

/** True for an IANA name in its own spelling, or an alias such as `US/Eastern`. Offsets such as `+01:00` are none: they know no summer. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    const resolved = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    return resolved === name || resolved.toLowerCase() !== name.toLowerCase();
  } catch {
    return false;
  }
}

/** For suggestions. */
export const timezones = (): readonly string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];

function nicknamed(text: string): string {
  const pattern = NICKNAMES.get(text.toLowerCase());
  if (pattern === undefined) {
    throw new ScheduleFault(`${text} is not supported; there are ${[...NICKNAMES.keys()].join(", ")}`);
  }
  return pattern;
}

function parseField(field: Field, text: string): ScheduleField {
  const values = new Set<number>();
  const parts = text.split(",").map((part) => parsePart(field, part, values));
  return { text: parts.join(","), isAny: text === "*", values };
}

function parsePart(field: Field, part: string, values: Set<number>): string {
  const match = /^(\*|[A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?(?:\/([A-Za-z0-9]+))?$/.exec(part);
  if (match?.[1] === undefined) throw new ScheduleFault(`${field.name}: ${quoted(part)} is not a value, range or step`);
  const [, first, last, step] = match;
  if (first === "*" && last !== undefined) throw new ScheduleFault(`${field.name}: ${quoted(part)} is not a range`);
  const from = first === "*" ? field.min : numberOf(field, first);
  const to = last === undefined ? (first === "*" ? field.max : from) : numberOf(field, last, from);
  if (to < from) throw new ScheduleFault(`${field.name}: the range ${part} runs backwards`);
  if (step !== undefined && first !== "*" && last === undefined) {
    throw new ScheduleFault(`${field.name}: a step needs a range or *, such as ${first}-${field.max}/${step}`);
  }
  const by = step === undefined ? 1 : stepOf(field, step);
  for (let value = from; value <= to; value += by) values.add(value);
  const range = first === "*" ? "*" : last === undefined ? `${from}` : `${from}-${to}`;
  return step === undefined ? range : `${range}/${by}`;
}

function numberOf(field: Field, text: string, from?: number): number {
  const name = field.names.indexOf(text.toUpperCase());
  // SUN ends a week as well as it begins one: MON-SUN.
  if (name !== -1) return field.max === 7 && name === 0 && (from ?? 0) > 0 ? 7 : name + field.firstName;
  if (!/^\d+$/.test(text)) throw new ScheduleFault(`${field.name}: ${quoted(text)} is not ${expected(field)}`);
  const value = Number(text);
  if (value < field.min || value > field.max) {
    throw new ScheduleFault(`${field.name}: ${quoted(text)} is out of range, ${field.min} to ${field.max}`);
  }
  return value;
}

function stepOf(field: Field, text: string): number {
  const step = /^\d+$/.test(text) ? Number(text) : 0;
  if (step >= 1 && step <= field.max) return step;
  throw new ScheduleFault(`${field.name}: the step ${quoted(text)} is not a number from 1 to ${field.max}`);
}

function expected({ min, max, names }: Field): string {
  const numbers = `a number from ${min} to ${max}`;
  return names.length === 0 ? numbers : `${numbers} or a name from ${names[0]} to ${names.at(-1)}`;
}

/** A day of the week as well makes it "either", and that always comes. */
function refuseImpossible([, , days, months, weekdays]: readonly ScheduleField[]): void {
  if (days === undefined || months === undefined || weekdays === undefined) return;
  if (days.isAny || !weekdays.isAny) return;
  const first = Math.min(...days.values);
  if ([...months.values].some((month) => first <= (MONTH_DAYS[month - 1] ?? 0))) return;
  const which = [...months.values].map((month) => MONTHS[month - 1]).join(", ");
  throw new ScheduleFault(`day of month: ${which} never has a day ${first}, so this would never run`);
}

const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);

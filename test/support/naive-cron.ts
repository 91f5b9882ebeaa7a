/**
 * The meaning of a schedule, told a second time and without croner: every minute of the clock is looked at, one after the
 * other, as Intl says that people in that zone read it.
 */

export interface LocalMinute {
  readonly at: number;
  /** What the clock on the wall shows, as minutes since 1970: what comes twice has the same number twice. */
  readonly wall: number;
}

/** Each minute from `from` (inclusive) to `to`. */
export function localMinutes(timezone: string, from: Date, to: Date): LocalMinute[] {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    hourCycle: "h23",
  });
  const minutes: LocalMinute[] = [];
  for (let at = from.getTime(); at < to.getTime(); at += 60_000) {
    const [month, day, year, hour, minute] = format.format(at).match(/\d+/g)?.map(Number) ?? [];
    const wall = Date.UTC(year ?? Number.NaN, (month ?? Number.NaN) - 1, day, hour, minute) / 60_000;
    minutes.push({ at, wall });
  }
  return minutes;
}

/** The moments at which a schedule of plain numbers, lists, ranges, steps and stars has to fire. */
export function naiveTimes(schedule: string, minutes: readonly LocalMinute[]): number[] {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = schedule.split(" ");
  const sets = {
    minute: numbers(minute, 0, 59),
    hour: numbers(hour, 0, 23),
    day: numbers(day, 1, 31),
    month: numbers(month, 1, 12),
    weekday: new Set([...numbers(weekday, 0, 7)].map((number) => number % 7)),
  };
  const fits = (wall: number): boolean => {
    const time = new Date(wall * 60_000);
    const onDay = sets.day.has(time.getUTCDate());
    const onWeekday = sets.weekday.has(time.getUTCDay());
    const date = day === "*" || weekday === "*" ? onDay && onWeekday : onDay || onWeekday;
    const isMonth = sets.month.has(time.getUTCMonth() + 1);
    return sets.minute.has(time.getUTCMinutes()) && sets.hour.has(time.getUTCHours()) && isMonth && date;
  };
  const everyHour = sets.hour.size === 24;
  const times: number[] = [];
  let highest = (minutes[0]?.wall ?? 0) - 1;
  for (const { at, wall } of minutes) {
    const isAgain = wall <= highest;
    const skipped = everyHour ? [] : Array.from({ length: Math.max(0, wall - highest - 1) }, (_, n) => highest + 1 + n);
    if ((fits(wall) && (everyHour || !isAgain)) || skipped.some(fits)) times.push(at);
    highest = Math.max(highest, wall);
  }
  return times;
}

function numbers(field: string, min: number, max: number): Set<number> {
  const found = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    const [first = "", last = first] = range === "*" ? [String(min), String(max)] : range.split("-");
    for (let number = Number(first); number <= Number(last); number += Number(step)) found.add(number);
  }
  return found;
}

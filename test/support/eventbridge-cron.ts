/**
 * An independent reading of EventBridge Scheduler's cron expressions, from its documentation: six fields, `?` for the
 * day field that does not count, days of the week from 1 (Sunday), no run at a time that the day lacks, and one run
 * where clocks show a time twice. Names, `L`, `W`, `#` and steps are left out: what writes none of them needs none.
 */
export function eventBridgeRuns(expression: string, timezone: string, from: Date, until: Date): Date[] {
  const inner = /^cron\((.+)\)$/.exec(expression)?.[1];
  const [minutes, hours, days, months, weekdays, years] = inner?.split(" ") ?? [];
  if (!minutes || !hours || !days || !months || !weekdays || years !== "*") throw new Error(`no cron: ${expression}`);
  if ((days === "?") === (weekdays === "?")) throw new Error(`exactly one day field must be ?: ${expression}`);
  if (expression.length > 256) throw new Error(`longer than the 256 characters allowed: ${expression}`);
  const offsets = clock(timezone);
  const runs: Date[] = [];
  const day = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate() - 1));
  for (; day <= until; day.setUTCDate(day.getUTCDate() + 1)) {
    if (!holds(months, day.getUTCMonth() + 1)) continue;
    if (days === "?" ? !holds(weekdays, day.getUTCDay() + 1) : !holds(days, day.getUTCDate())) continue;
    for (let hour = 0; hour < 24; hour += 1) {
      if (!holds(hours, hour)) continue;
      for (let minute = 0; minute < 60; minute += 1) {
        if (!holds(minutes, minute)) continue;
        const run = offsets.first(day.getTime() + (hour * 60 + minute) * 60_000);
        if (run !== undefined && run > from && run <= until) runs.push(run);
      }
    }
  }
  return runs;
}

function holds(field: string, value: number): boolean {
  if (field === "*") return true;
  return field.split(",").some((part) => {
    const [from = Number.NaN, to = from] = part.split("-").map(Number);
    return value >= from && value <= to;
  });
}

/** The first moment at which clocks of the zone show a local time (given as if it were UTC), if they ever do. */
function clock(timezone: string): { first(local: number): Date | undefined } {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone, dateStyle: "short", timeStyle: "medium" });
  const localOf = (moment: number) => Date.parse(`${format.format(moment).replace(" ", "T")}Z`);
  const offsetsOfDay = new Map<number, readonly number[]>();
  return {
    first(local) {
      const key = Math.floor(local / 86_400_000);
      let offsets = offsetsOfDay.get(key);
      if (offsets === undefined) {
        const around = [-86_400_000, 0, 86_400_000].map((by) => key * 86_400_000 + by);
        offsets = [...new Set(around.map((moment) => localOf(moment) - moment))];
        offsetsOfDay.set(key, offsets);
      }
      const moments =
        offsets.length === 1 ? offsets.map((offset) => local - offset) : candidates(local, offsets, localOf);
      return moments.length === 0 ? undefined : new Date(Math.min(...moments));
    },
  };
}

const candidates = (local: number, offsets: readonly number[], localOf: (moment: number) => number) =>
  offsets.map((offset) => local - offset).filter((moment) => localOf(moment) === local);

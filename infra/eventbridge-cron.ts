import { parseSchedule, type ScheduleField } from "../lib/scheduling/schedule.ts";

/** EventBridge counts the days of the week from 1, which is Sunday. */
const FIRST_WEEKDAY = 1;
const DAYS_OF_WEEK = 7;
const DAYS_OF_MONTH = 31;

/**
 * A schedule of ours as EventBridge Scheduler writes it: six fields, of which the days of the month and of the week are
 * never both given (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html). Where clocks go forward
 * EventBridge leaves out a time that the day lacks, where `nextRuns` has it once.
 * @throws RangeError that says why a schedule cannot be written so, for an operator
 */
export function eventBridgeCron(schedule: string): string {
  const [minute, hour, day, month, weekday] = parseSchedule(schedule).fields;
  if (!minute || !hour || !day || !month || !weekday) throw new Error(`${schedule} has not five fields`);
  const weekdays = weekdaysOf(weekday);
  const either = !day.isAny && !weekday.isAny;
  // "Either" of all of them is every day.
  const everyDay = either && (weekdays.length === DAYS_OF_WEEK || day.values.size === DAYS_OF_MONTH);
  if (either && !everyDay) {
    throw new RangeError(
      `EventBridge cannot run on days of the month or else days of the week (${day.text} and ${weekday.text}): give one of them, or make two jobs`,
    );
  }
  const days = everyDay ? ["*", "?"] : weekday.isAny ? [fieldText(day), "?"] : ["?", listText(weekdays)];
  return `cron(${[fieldText(minute), fieldText(hour), days[0], fieldText(month), days[1], "*"].join(" ")})`;
}

const weekdaysOf = ({ values }: ScheduleField): readonly number[] =>
  [...new Set([...values].map((value) => (value % DAYS_OF_WEEK) + FIRST_WEEKDAY))].sort((a, b) => a - b);

const fieldText = ({ isAny, values }: ScheduleField): string =>
  isAny ? "*" : listText([...values].sort((a, b) => a - b));

/** Steps and names are written out, so that no dialect matters; runs become ranges, to stay within 256 characters. */
function listText(values: readonly number[]): string {
  const runs: { from: number; to: number }[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last !== undefined && value === last.to + 1) last.to = value;
    else runs.push({ from: value, to: value });
  }
  return runs
    .map(({ from, to }) => (from === to ? `${from}` : to === from + 1 ? `${from},${to}` : `${from}-${to}`))
    .join(",");
}

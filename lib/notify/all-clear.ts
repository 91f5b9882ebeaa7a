import { beginsIncident, endsIncident, type JobReport, type Report } from "./report.ts";
import { type Delivery, wasHeard } from "./tell.ts";
import { MAX_TRIES, type Told } from "./told.ts";

export type AllClear = Told["allClear"];

interface ToldNow {
  readonly kind: Report["kind"];
  readonly report: JobReport;
  readonly deliveries: readonly Delivery[];
}

/** Who has to hear that the job is well again, once this was told of it. Pure. */
export function allClearAfter(before: AllClear, { kind, report, deliveries }: ToldNow): AllClear {
  const asked = deliveries.filter(({ jobs }) => jobs.includes(report.job));
  const stoodIn = asked.filter(
    (one) => one.insteadOf !== undefined && wasHeard(one, report.job) && isTrouble(report, one),
  );
  const owed = new Set(before?.notifiers);
  if (endsIncident(report)) {
    for (const one of asked) {
      if (one.insteadOf !== undefined) continue;
      if (wasHeard(one, report.job)) owed.delete(one.notifier);
      else if (report.events.includes("recovered") && one.events.includes("recovered")) owed.add(one.notifier);
    }
  }
  const inVain = endsIncident(report) && owed.size > 0;
  for (const { notifier } of stoodIn) owed.add(notifier);
  // Apart: a watch that may only read cannot change what runs have counted.
  const counted = (by: Report["kind"], soFar = 0) => (stoodIn.length > 0 ? 0 : soFar + (inVain && kind === by ? 1 : 0));
  const tries = counted("watch", before?.tries);
  const runs = counted("run", before?.runs);
  if (owed.size === 0 || tries > MAX_TRIES || runs > MAX_TRIES) return undefined;
  return { notifiers: [...owed], tries, ...(runs === 0 ? {} : { runs }) };
}

/** Of what is kept in two places. Pure. */
export function eitherAllClear(one: AllClear, other: AllClear): AllClear {
  if (one === undefined || other === undefined) return one ?? other;
  const notifiers = [...new Set([...one.notifiers, ...other.notifiers])];
  const runs = Math.max(one.runs ?? 0, other.runs ?? 0);
  return { notifiers, tries: Math.max(one.tries, other.tries), ...(runs === 0 ? {} : { runs }) };
}

/** A threshold is each notifier's own, so that only what was sent tells of it. */
const isTrouble = (report: JobReport, { events }: Delivery): boolean =>
  beginsIncident(report) || events.includes("threshold");

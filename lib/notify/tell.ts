import { hostname } from "node:os";
import type { Backup } from "../backup.ts";
import {
  hasPings,
  type NotifierOptions,
  type NotifierType,
  pingsAlone,
  type Thresholds,
  wantedEvents,
} from "../config/notifier-options.ts";
import type { Notifier } from "../notifiers/notifier.ts";
import { tool } from "../tool.ts";
import { attemptNotifier } from "./attempt-notifier.ts";
import type { Attempted } from "./attempt-outside.ts";
import {
  beginsIncident,
  endsIncident,
  type JobReport,
  makeReport,
  onlyEvents,
  type Report,
  type ReportEvent,
} from "./report.ts";

/** A job that there is something to tell of. */
export interface Tellable {
  readonly report: JobReport;
  /** The notifiers that the job names; undefined: all. */
  readonly notify: readonly string[] | undefined;
  /** Only these, who could not be reached before: others know of it, and nobody stands in. */
  readonly to?: readonly string[] | undefined;
  /** These hear that all is well again, named or not and whatever they want to hear of: each of them knows of trouble. */
  readonly allClear?: readonly string[] | undefined;
  /** Which of a notifier's thresholds were passed, in words. */
  readonly passed: (thresholds: Thresholds) => readonly string[];
}

/** One message to one notifier, sent or not. */
export interface Delivery extends Attempted {
  readonly notifier: string;
  readonly type: NotifierType;
  readonly ok: boolean;
  /** Of one that failed: the jobs that were told all the same, or that some of those behind it heard of. */
  readonly heardOf?: readonly string[];
  readonly jobs: readonly string[];
  readonly events: readonly ReportEvent[];
  /** The notifiers that this one stood in for. */
  readonly insteadOf?: readonly string[];
}

export interface TellOptions {
  /** `later`: `tellPings` follows, when all have ended. Default: now */
  readonly pings?: "now" | "later";
}

type Work = (notifier: Notifier, report: Report, signal: AbortSignal) => Promise<void>;

interface Addressed {
  readonly name: string;
  readonly report: Report;
}

interface Message extends Addressed {
  /** The jobs of which others are told in its place: it asked for more of them than that a run was good. */
  readonly urgent: ReadonlySet<string>;
}

const never = new AbortController().signal;

const send: Work = (notifier, report, signal) => notifier.send(report, signal);
const ping: Work = async (notifier, report, signal) => notifier.ping?.(report, signal);
const sendAndPing: Work = async (...all) => {
  await send(...all);
  await ping(...all);
};

/**
 * Tells all of it to everyone who wants to hear of it, each with one message. What nobody could be told goes to the
 * notifiers that did not ask for it, with a note. Throws nothing.
 */
export async function tell(
  backup: Backup,
  kind: Report["kind"],
  jobs: readonly Tellable[],
  { pings = "now" }: TellOptions = {},
): Promise<readonly Delivery[]> {
  const work = pings === "now" ? sendAndPing : send;
  const names = Object.entries(backup.config.notifications)
    .filter(([, options]) => pings === "now" || !pingsAlone(options))
    .map(([name]) => name);
  const messages = names.flatMap((name) => messageTo(backup, kind, name, jobs));
  const sent = await Promise.all(
    messages.map(async (message) => ({ message, delivery: await deliver(backup, message, work) })),
  );
  const first = sent.map(({ delivery }) => delivery);
  const whereHeard = (isHeard: boolean) =>
    sent.flatMap(({ message, delivery }) => {
      const jobs = message.report.jobs.filter(({ job }) => wasHeard(delivery, job) === isHeard);
      return jobs.length === 0 ? [] : [{ ...message, report: { ...message.report, jobs } }];
    });
  const again = new Set(jobs.flatMap(({ to, report }) => (to === undefined ? [] : [report.job])));
  return [
    ...first,
    ...(await standIns(backup, kind, { failed: whereHeard(false), heard: whereHeard(true), again, work }, first)),
  ];
}

/** The pings of all of it that `tell` left for later: one to each notifier, by the worst of the jobs. Throws nothing. */
export async function tellPings(backup: Backup, jobs: readonly Tellable[]): Promise<readonly Delivery[]> {
  const pinged = Object.entries(backup.config.notifications).filter(([, options]) => hasPings(options));
  const messages = pinged.flatMap(([name]) => messageTo(backup, "run", name, jobs));
  return Promise.all(messages.map((message) => deliver(backup, message, ping)));
}

/** Whether somebody behind this notifier was told of the job. */
export const wasHeard = ({ ok, heardOf }: Delivery, job: string): boolean => ok || heardOf?.includes(job) === true;

export interface Tested extends Attempted {
  readonly notifier: string;
  readonly type: NotifierType;
  readonly ok: boolean;
  /** False for one that takes no messages: it was only looked at. */
  readonly sent: boolean;
}

/** Sends each of them a message that is marked as a test. Throws nothing. */
export async function tellTest(backup: Backup, names: readonly string[]): Promise<readonly Tested[]> {
  return Promise.all(
    names.map(async (name) => {
      const report = redacted(makeReport(head(backup, "test"), []), backup.redaction.redact);
      let sent = false;
      const attempted = await attemptNotifier(backup, name, backup.signal, async (notifier, signal) => {
        if (!notifier.takesOver) return notifier.check(signal);
        await notifier.send(report, signal);
        sent = true;
      });
      return { notifier: name, type: typeOf(backup, name), ok: attempted.error === undefined, sent, ...attempted };
    }),
  );
}

function messageTo(backup: Backup, kind: Report["kind"], name: string, jobs: readonly Tellable[]): readonly Message[] {
  const options = backup.config.notifications[name];
  if (options === undefined) return [];
  const told: JobReport[] = [];
  const urgent = new Set<string>();
  for (const job of jobs.filter(({ to = [name] }) => to.includes(name))) {
    const wanted = wantedOf(job, name, options);
    const part = partOf(job, wanted, name, options);
    if (part === undefined) continue;
    told.push(part);
    if (wanted !== undefined && !onlySuccess(wanted)) urgent.add(part.job);
  }
  if (told.length === 0) return [];
  return [{ name, report: redacted(makeReport(head(backup, kind), told), backup.redaction.redact), urgent }];
}

/** What a notifier asked to hear of a job; undefined: nothing. */
function wantedOf(job: Tellable, name: string, options: NotifierOptions): JobReport | undefined {
  const isNamed = job.notify?.includes(name) ?? true;
  return isNamed ? onlyEvents(personal(job, options), wantedEvents(options)) : undefined;
}

/** What it is told of it: that all is well again too, where that is owed to it; undefined: nothing. */
function partOf(
  job: Tellable,
  wanted: JobReport | undefined,
  name: string,
  options: NotifierOptions,
): JobReport | undefined {
  const part = wanted ?? personal({ ...job, passed: () => [] }, options);
  if (job.allClear?.includes(name) !== true || !endsIncident(part)) return wanted;
  // One that is taken out of the configuration is told of as missed, and is well no more.
  return {
    ...part,
    events: part.events.includes("missed") ? part.events : [...new Set(["recovered" as const, ...part.events])],
  };
}

function personal({ report, passed }: Tellable, options: NotifierOptions): JobReport {
  const thresholds = passed(options.thresholds);
  const link = linkOf(report, options.manifest_link);
  return {
    ...report,
    events: thresholds.length === 0 ? report.events : [...report.events, "threshold"],
    thresholds,
    ...(link === undefined ? {} : { link }),
  };
}

function linkOf({ manifestKey }: JobReport, template: string | undefined): string | undefined {
  if (template === undefined || manifestKey === undefined) return undefined;
  return template.replaceAll("{key}", () => manifestKey.split("/").map(encodeURIComponent).join("/"));
}

interface Attempts {
  readonly failed: readonly Message[];
  readonly heard: readonly Message[];
  /** The jobs of which others know already. */
  readonly again: ReadonlySet<string>;
  readonly work: Work;
}

async function standIns(
  backup: Backup,
  kind: Report["kind"],
  { failed, heard, again, work }: Attempts,
  deliveries: readonly Delivery[],
): Promise<readonly Delivery[]> {
  // Who was told that a job is good was not told of the threshold that it passed.
  const isHeard = (job: JobReport) =>
    again.has(job.job) ||
    heard.some(({ report }) =>
      report.jobs.some((one) => one.job === job.job && (beginsIncident(one) || !beginsIncident(job))),
    );
  const open = new Map<string, JobReport>();
  for (const { report, urgent } of failed) {
    for (const job of report.jobs) if (urgent.has(job.job) && !isHeard(job)) open.set(job.job, job);
  }
  if (open.size === 0) return [];
  const silent = failed.map(({ name }) => name);
  const notes = deliveries
    .filter(({ notifier, ok }) => !ok && silent.includes(notifier))
    .map(({ notifier, error }) => `${notifier} could not be told: ${error?.message ?? "unknown"}`);
  const others = Object.keys(backup.config.notifications).filter((name) => !silent.includes(name));
  const sent = await Promise.all(
    others.flatMap((name) => {
      const told = open.values().filter((job) => !isNothingTo(typeOf(backup, name), job));
      const report = redacted(makeReport(head(backup, kind), [...told], notes), backup.redaction.redact);
      return report.jobs.length === 0 ? [] : [standIn(backup, { name, report }, work, silent)];
    }),
  );
  return sent.flat();
}

async function standIn(
  backup: Backup,
  message: Addressed,
  work: Work,
  insteadOf: readonly string[],
): Promise<readonly Delivery[]> {
  try {
    if (!(await backup.notifier(message.name)).takesOver) return [];
  } catch {
    return [];
  }
  return [{ ...(await deliver(backup, message, work)), insteadOf }];
}

async function deliver(backup: Backup, { name, report }: Addressed, work: Work): Promise<Delivery> {
  let heardOf: Notifier["heardOf"];
  const attempted = await attemptNotifier(backup, name, never, (notifier, signal) => {
    heardOf = notifier.heardOf;
    return work(notifier, report, signal);
  });
  const ok = attempted.error === undefined;
  const heard = ok ? [] : (heardOf?.(report) ?? []);
  if (!ok) backup.log.warn(`${name} could not be told: ${attempted.error?.message}`, { code: attempted.error?.code });
  return {
    notifier: name,
    type: typeOf(backup, name),
    ok,
    ...(heard.length === 0 ? {} : { heardOf: heard }),
    ...attempted,
    jobs: report.jobs.map(({ job }) => job),
    events: [...new Set(report.jobs.flatMap(({ events }) => events))],
  };
}

function typeOf({ config }: Backup, name: string): NotifierType {
  const options = config.notifications[name];
  if (options === undefined) throw new Error(`no notifier is called ${name}`);
  return options.type;
}

const head = ({ now }: Backup, kind: Report["kind"]) => ({ tool, kind, host: hostname(), at: now().toISOString() });

const onlySuccess = ({ events }: JobReport): boolean => events.every((event) => event === "success");

/** What is neither good nor bad begins no incident, and must not end one. */
const isNothingTo = (type: NotifierType, { events }: JobReport): boolean =>
  type === "pagerduty" && events.every((event) => event === "changed");

/** Every text of it, so that no form of a message can let a secret through. */
function redacted(report: Report, redact: (text: string) => string): Report {
  const clean = <T>(value: T): T => cleaned(value, redact) as T;
  return clean(report);
}

function cleaned(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleaned(item, redact)]));
}

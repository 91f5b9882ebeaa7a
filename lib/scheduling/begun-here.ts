import * as z from "zod";
import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { changeKept, type KeptDocument, readKept } from "../kept-document.ts";
import { begunKey } from "../keys.ts";
import { reportKey } from "../notify/job-report.ts";
import { EARLY_MS } from "./due.ts";

/**
 * When this machine last began a job, kept on it: what a storage that cannot be asked, or written to, does not say. Losing it
 * costs a run that is begun before its time.
 */
const begunSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  begunAt: z.iso.datetime().nullable(),
  unreachable: z.boolean().describe("whether the storage could not be asked when it was last looked what is due"),
});

type Begun = z.infer<typeof begunSchema>;

const kept: KeptDocument<Begun> = {
  schema: begunSchema,
  keyOf: begunKey,
  empty: (job) => ({ schemaVersion: 1, job, begunAt: null, unreachable: false }),
};

/** What this machine knows of a job; `begunAt` is undefined where it never began it, or had a clock then that was ahead of now. */
export interface BegunHere {
  readonly begunAt: Date | undefined;
  readonly unreachable: boolean;
}

/** Undefined where this machine keeps nothing, or does not know. Throws nothing. */
export async function begunHere(backup: Backup, job: Job): Promise<BegunHere | undefined> {
  const { config, machine, now, log, redaction } = backup;
  if (machine === undefined) return undefined;
  try {
    const { begunAt, unreachable } = await readKept(kept, machine, reportKey(config, job));
    const begun = begunAt === null ? undefined : new Date(begunAt);
    const isAhead = begun !== undefined && begun.getTime() > now().getTime() + EARLY_MS;
    return { begunAt: isAhead ? undefined : begun, unreachable };
  } catch (error) {
    const { message, code } = errorRecord(error, redaction.redact);
    log.with({ job: job.name }).debug(`when this machine began it is not known: ${message}`, { code });
    return undefined;
  }
}

/** For a job with a schedule; nobody asks it of another. Throws nothing: a machine that can keep nothing backs up all the same. */
export async function rememberBegun(backup: Backup, job: Job, begunAt: Date): Promise<void> {
  await remember(backup, job, (before) => ({ ...before, begunAt: begunAt.toISOString() }));
}

/** That the storage could not be asked, for what is due when it can be again. Throws nothing. */
export async function rememberUnreachable(backup: Backup, job: Job): Promise<void> {
  await remember(backup, job, (before) => ({ ...before, unreachable: true }));
}

/**
 * That it could be asked again, and what it said: what was begun in vain meanwhile has served no time, and it may be a
 * while until the job can be begun. Throws nothing.
 */
export async function rememberAnswered(backup: Backup, job: Job, lastStart: Date | undefined): Promise<void> {
  const begunAt = lastStart?.toISOString() ?? null;
  await remember(backup, job, (before) => ({ ...before, begunAt, unreachable: false }));
}

async function remember(backup: Backup, job: Job, change: (before: Begun) => Begun): Promise<void> {
  const { config, machine, log, redaction } = backup;
  if (machine === undefined || job.schedule === undefined) return;
  try {
    await changeKept(kept, machine, reportKey(config, job), change);
  } catch (error) {
    const { message, code } = errorRecord(error, redaction.redact);
    log.with({ job: job.name }).debug(`this machine does not keep when it began it: ${message}`, { code });
  }
}

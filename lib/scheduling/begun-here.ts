import * as z from "zod";
import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { changeKept, type KeptDocument, readKept } from "../kept-document.ts";
import { begunKey } from "../keys.ts";
import { reportKey } from "../notify/job-report.ts";
import { EARLY_MS } from "./due.ts";

/**
 * When this machine last began a job, kept on it: what a storage that cannot be asked does not say. Losing it costs a run
 * that is begun before its time.
 */
const begunSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  begunAt: z.iso.datetime().nullable(),
});

type Begun = z.infer<typeof begunSchema>;

const kept: KeptDocument<Begun> = {
  schema: begunSchema,
  keyOf: begunKey,
  empty: (job) => ({ schemaVersion: 1, job, begunAt: null }),
};

/** Undefined where this machine never began it, does not know, or had a clock then that was ahead of now. Throws nothing. */
export async function begunHere({ config, machine, now, log, redaction }: Backup, job: Job): Promise<Date | undefined> {
  if (machine === undefined) return undefined;
  try {
    const { begunAt } = await readKept(kept, machine, reportKey(config, job));
    const begun = begunAt === null ? undefined : new Date(begunAt);
    return begun === undefined || begun.getTime() > now().getTime() + EARLY_MS ? undefined : begun;
  } catch (error) {
    const { message, code } = errorRecord(error, redaction.redact);
    log.with({ job: job.name }).debug(`when this machine began it is not known: ${message}`, { code });
    return undefined;
  }
}

/** For a job with a schedule; nobody asks it of another. Throws nothing: a machine that can keep nothing backs up all the same. */
export async function rememberBegun({ config, machine, now, log, redaction }: Backup, job: Job): Promise<void> {
  if (machine === undefined || job.schedule === undefined) return;
  try {
    await machine.prepare();
    await changeKept(kept, machine, reportKey(config, job), (before) => ({ ...before, begunAt: now().toISOString() }));
  } catch (error) {
    const { message, code } = errorRecord(error, redaction.redact);
    log.with({ job: job.name }).debug(`this machine does not keep that it began it: ${message}`, { code });
  }
}

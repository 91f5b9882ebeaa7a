import type { Backup } from "../../lib/backup.ts";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { age } from "../../lib/encryption/age/age.ts";
import { CodedError, errorCodes, errorRecord } from "../../lib/errors.ts";
import { findJob } from "../../lib/jobs.ts";
import type { LeaseContext } from "../../lib/lease/lease.ts";
import { pruneJob } from "../../lib/prune-job.ts";
import { type RestoreResult, restore } from "../../lib/restore/restore.ts";
import { type JobResult, runJobs } from "../../lib/run.ts";
import { retryingStorage } from "../../lib/storage/retrying.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { verify } from "../../lib/verify.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { AGE_IDENTITY, AGE_RECIPIENT } from "./age.ts";
import type { Source } from "./source.ts";

/** What a process is asked to do. */
export type Action = "run" | "prune" | "verify" | "restore";

export interface World {
  readonly storage: Storage;
  readonly source: Source;
  /** Days since the first; the clock stands at three o'clock of it. */
  readonly day: number;
  /** And so many seconds later, asked anew whenever the time is. */
  readonly secondsNow?: () => number;
  /** For how long the process was stopped so far, by the clock that nobody sets. */
  readonly suspendedMs?: () => number;
  readonly policy: RetentionPolicy;
  readonly concurrency?: number;
  readonly timezone?: string;
  /** For age; the private key is at hand. */
  readonly encrypted?: boolean;
  /** Of a restore: the folder. */
  readonly to?: string;
}

export interface Outcome {
  readonly status: "ok" | "partial" | "failed";
  /** Of a run. */
  readonly job?: JobResult;
  /** Codes of everything that was reported as wrong. */
  readonly codes: readonly string[];
  /** What was thrown, in the words that an operator reads. */
  readonly message?: string;
  /** Log lines, and the result as `--json` would give it. */
  readonly said: readonly string[];
  /** By the clock that it had, which waiting for a lease sets on. */
  readonly endedAt: Date;
  /** `unit/artifact` for each time that the source was read. */
  readonly opened: readonly string[];
}

export const JOB = "docs";
export const POLICY: RetentionPolicy = { keep_last: 2, min_keep: 1, max_removals: 3 };
/** The third day is 29 February, and the clocks of Europe and America change within the weeks that follow. */
const FIRST_DAY = Date.UTC(2028, 1, 27, 3);
const DAY_MS = 86_400_000;

/** A known secret, which every error that the harness makes carries in it. */
export const SECRET = "canary-Zq7vN2xK9w";

export const timeOf = (day: number, seconds = 0): Date => new Date(FIRST_DAY + day * DAY_MS + seconds * 1000);

/** Does one thing as a process of its own would: everything is opened anew. */
export async function act(action: Action, world: World): Promise<Outcome> {
  const { source, day, policy } = world;
  const storage = retryingStorage(world.storage, {
    attempts: 7,
    baseMs: 1_000,
    maxMs: 30_000,
    signal: new AbortController().signal,
  });
  const {
    backup: standing,
    lines,
    source: scripted,
  } = aBackup({
    storage,
    units: () => source.units(day),
    ...(world.encrypted === true ? await forAge() : {}),
    jobs: [
      aJob({ name: JOB, retention: policy, concurrency: world.concurrency ?? 1, timezone: world.timezone ?? "UTC" }),
    ],
  });
  // Waiting for a lease takes no time here either: what nobody sets goes on by what was waited.
  const waited = { ms: 0 };
  const lease: Pick<LeaseContext, "elapsed" | "sleep"> = {
    elapsed: () => waited.ms + (world.suspendedMs?.() ?? 0),
    sleep: async (ms) => {
      waited.ms += ms;
    },
  };
  const backup: Backup = {
    ...standing,
    ...lease,
    now: () => timeOf(day, (world.secondsNow?.() ?? 0) + waited.ms / 1000),
  };
  backup.redaction.add(SECRET);
  const done = await result(action, backup, world.to);
  await backup.close();
  return { ...done, said: [...lines, JSON.stringify(done)], opened: scripted.opened, endedAt: backup.now() };
}

async function forAge() {
  const context = {
    secrets: { resolve: () => Promise.reject(new Error("there is none")) },
    signal: new AbortController().signal,
  };
  const options = { type: "age" as const, recipients: [AGE_RECIPIENT] };
  const encryption = await age.encryption(options, context);
  const decryption = await age.decryption({ key: AGE_IDENTITY, source: "the harness" }, context);
  return { encryption: () => encryption, decryption: () => decryption };
}

type Done = Pick<Outcome, "status" | "job" | "codes" | "message">;

async function result(action: Action, backup: Backup, to = ""): Promise<Done> {
  try {
    switch (action) {
      case "run":
        return ofRun((await runJobs(backup, [JOB])).jobs[0]);
      case "prune":
        return ofPrune(await pruneJob(backup, findJob(backup.config, JOB), { waitMs: 0, begin: () => {} }));
      case "verify":
        return ofVerification(await verify(backup, { job: JOB, snapshot: "latest", mode: "prove" }));
      case "restore":
        return ofRestore(await restore(backup, { job: JOB, to, force: false }));
    }
  } catch (error) {
    const { code, message } = errorRecord(error, backup.redaction.redact);
    // What has no code would be told as INTERNAL: which one it was is worth knowing.
    return { status: "failed", codes: [error instanceof CodedError ? code : `INTERNAL: ${String(error)}`], message };
  }
}

function ofRun(job: JobResult | undefined): Done {
  if (job === undefined) return { status: "failed", codes: ["no result"] };
  const errors = [
    ...(job.error === undefined ? [] : [job.error]),
    ...(job.manifest?.units ?? []).flatMap(({ error }) => error ?? []),
    ...(job.verification?.faults ?? []),
    ...(job.verification?.artifacts ?? []).flatMap(({ error }) => error ?? []),
  ];
  const status = job.status === "ok" || job.status === "partial" ? job.status : "failed";
  const codes = errors.map(({ code, message }) => (code === "INTERNAL" ? `INTERNAL: ${message}` : code));
  return { status, job, codes };
}

function ofPrune({ refused }: { readonly refused?: string }): Done {
  return refused === undefined ? { status: "ok", codes: [] } : { status: "failed", codes: ["REFUSED"] };
}

function ofRestore({ incomplete }: RestoreResult): Done {
  return { status: incomplete.length === 0 ? "ok" : "partial", codes: incomplete.map(({ reason }) => reason) };
}

function ofVerification({ ok, faults, artifacts }: NonNullable<JobResult["verification"]>): Done {
  const errors = [...faults, ...artifacts.flatMap(({ error }) => error ?? [])];
  return { status: ok ? "ok" : "failed", codes: errors.map(({ code }) => code) };
}

export const isKnownCode = (code: string): boolean => Object.hasOwn(errorCodes, code) && code !== "INTERNAL";

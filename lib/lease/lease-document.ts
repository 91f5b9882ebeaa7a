import { hostname } from "node:os";
import * as z from "zod";
import { CodedError, type LeaseHolder, NotFoundError } from "../errors.ts";
import { leaseKey } from "../keys.ts";
import { parseDocument } from "../manifest.ts";
import { isGone, thisProcess } from "../process-identity.ts";
import type { Storage } from "../storage/storage.ts";
import { tool } from "../tool.ts";

const instant = z.iso.datetime();

/** `<job>/.lease`: who works on the job now, until when. Never removed, only replaced. */
const leaseSchema = z.strictObject({
  schemaVersion: z.literal(1),
  token: z.string().min(1).describe("the same for every step of one holder, in whatever process"),
  sequence: z.int().nonnegative().describe("grows with each writing, so that no two contents are the same"),
  released: z.boolean(),
  purpose: z.enum(["run", "prune"]),
  narrowed: z.literal(true).optional().describe("a run for some units alone"),
  host: z.string(),
  process: z
    .strictObject({ machine: z.string(), pid: z.int(), start: z.int() })
    .optional()
    .describe("without which the lease is of no use any more; absent for a run whose steps are processes of their own"),
  version: z.string().describe("of core-backup"),
  execution: z.string().optional().describe("ARN of the execution of a state machine whose steps hold it"),
  run: z.string().optional(),
  snapshot: z.string().optional(),
  before: z
    .strictObject({ snapshot: z.string(), renewedAt: instant, released: z.literal(true).optional() })
    .optional()
    .describe("the run that had it last, when that was last at work, and whether it gave it back"),
  acquiredAt: instant,
  renewedAt: instant,
  expiresAt: instant,
});

export type LeaseDocument = z.infer<typeof leaseSchema>;

/** What lies under the job's lease. Without a `document` it cannot be read, and may be a newer version's. */
export interface FoundLease {
  readonly version: string;
  readonly document?: LeaseDocument;
}

const MAX_LEASE_BYTES = 64 * 1024;

export async function readLease(storage: Storage, job: string): Promise<FoundLease | undefined> {
  const key = leaseKey(job);
  try {
    const { content, version } = await storage.read(key, MAX_LEASE_BYTES);
    try {
      return { version, document: parseDocument(leaseSchema, key, content) };
    } catch (error) {
      if (error instanceof CodedError) return { version };
      throw error;
    }
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/**
 * The run that has it or had it last, when it was last at work, and whether it has given it back. Of one that was killed in the middle of a long artifact
 * nothing else says so.
 */
export function lastAtWork(document: LeaseDocument | undefined): LeaseDocument["before"] {
  if (document?.snapshot === undefined) return document?.before;
  const { snapshot, renewedAt, released } = document;
  return { snapshot, renewedAt, ...(released ? { released } : {}) };
}

export type LeaseOwner = Pick<LeaseDocument, "host" | "process" | "version">;

/** `processBound`: the lease is worth nothing without this very process. */
export function ownerHere({ processBound }: { readonly processBound: boolean }): LeaseOwner {
  return { host: hostname(), version: tool.version, ...(processBound ? { process: thisProcess() } : {}) };
}

/** True only when it is certain: the holder was a process of this machine, and has ended. */
export function holderIsGone({ process }: LeaseDocument): boolean {
  return process !== undefined && isGone(process);
}

/** So long a run may last on AWS, its waits among it: then the state machine ends it. */
export const LONGEST_RUN_MS = 7 * 24 * 60 * 60_000;

/** When it runs out by the clock, unless it is renewed: milliseconds. An end after the longest run is a mistake of its holder. */
export const endOf = ({ renewedAt, expiresAt }: LeaseDocument): number =>
  Math.min(Date.parse(expiresAt), Date.parse(renewedAt) + LONGEST_RUN_MS);

/** Clocks of two machines differ. */
const CLOCK_MARGIN_MS = 5 * 60_000;

/** Whether its holder seems to be at work, as far as a clock can say: for telling, and never for taking it. */
export function isLive(document: LeaseDocument | undefined, now: Date): boolean {
  if (document === undefined || document.released || holderIsGone(document)) return false;
  return endOf(document) + CLOCK_MARGIN_MS >= now.getTime();
}

export function leaseBytes(document: LeaseDocument): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
}

export function holderOf(document: LeaseDocument | undefined): LeaseHolder {
  if (document === undefined) return {};
  const { purpose, narrowed, host, process, version, run, snapshot, acquiredAt, renewedAt, expiresAt } = document;
  return {
    purpose,
    narrowed,
    host,
    pid: process?.pid,
    version,
    run,
    snapshot,
    since: acquiredAt,
    renewedAt,
    expiresAt,
  };
}

/** `run 01J… (process 123 on host, since 2026-11-26T03:00:00.000Z)` */
export function describeHolder(holder: LeaseHolder): string {
  if (holder.host === undefined) return "someone whose lease cannot be read";
  const what = `${holder.narrowed === true ? "narrowed " : ""}${holder.purpose}`;
  const who = holder.run === undefined ? `a ${what}` : `${what} ${holder.run}`;
  const where = holder.pid === undefined ? holder.host : `process ${holder.pid} on ${holder.host}`;
  return `${who} (${where}, since ${holder.since})`;
}

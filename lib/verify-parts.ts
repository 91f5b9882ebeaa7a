import * as z from "zod";
import type { Backup } from "./backup.ts";
import { readAll } from "./bytes.ts";
import { CodedError, IntegrityError, NotFoundError } from "./errors.ts";
import { withFailedProof } from "./failed-proof.ts";
import { verifiedPartKey, verifyPartsKey, verifyTasksKey } from "./keys.ts";
import {
  type ArtifactVerification,
  artifactVerificationSchema,
  documentBytes,
  parseDocument,
  type Verification,
} from "./manifest.ts";
import { eachLimited } from "./pool.ts";
import { isRefusal, putDocument } from "./put-document.ts";
import { sealed } from "./seal.ts";
import type { SnapshotEntry } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { storedLines } from "./stored-lines.ts";
import { beginVerifying, conclude, openArtifacts, type VerifyInput, type Verifying, verifyEach } from "./verify.ts";
import type { ArtifactsOf } from "./verify-artifact.ts";
import { type PartLimits, partNumbers, partsOf } from "./verify-part-limits.ts";
import type { ArtifactTask } from "./verify-tasks.ts";

/*
 * A verification that is too large for one process, in three steps as `plan`, `collect` and `finish` are those of a run:
 * what is to be done is stored, each part is done by a process of its own, and what they found becomes verified.json.
 */

/** A snapshot after its run, as its job's `verify` says. */
export type PartsInput = Omit<VerifyInput, "mode">;

const MAX_LINE_BYTES = 1024 * 1024;
const MAX_PART_BYTES = 64 * 1024 * 1024;
const PARTS_AT_ONCE = 16;

const taskLineSchema = z.strictObject({
  path: z.string(),
  read: z.enum(["no", "checksum", "prove", "full"]),
  part: z.int().nonnegative().optional().describe("absent for what is not read this time"),
  inherited: artifactVerificationSchema.optional(),
});
type TaskLine = z.infer<typeof taskLineSchema>;

const partSchema = z.strictObject({
  n: z.int().nonnegative(),
  begunAt: z.iso.datetime(),
  artifacts: z.array(artifactVerificationSchema),
  seal: z.string().optional(),
});
type VerifiedPart = z.infer<typeof partSchema>;

/**
 * Verifies the snapshot; or stores what is to be done, in parts of `limits`, where that is more than one. Answers how many
 * parts there then are. @throws as `verify`
 */
export async function verifyOrSplit(
  backup: Backup,
  input: PartsInput,
  limits: PartLimits,
): Promise<Verification | { readonly parts: number }> {
  const begun = backup.now();
  const verifying = await beginVerifying(backup, { ...input, mode: "policy" });
  const isLarge = partNumbers(verifying.tasks, limits).some((part) => part !== undefined && part > 0);
  if (isLarge) return { parts: await storeParts(verifying, input, limits) };
  return conclude(backup, verifying, { begun, results: await verifyEach(backup, verifying) });
}

/** Stores what is to be done in parts of one artifact each: for what was small, and took too long all the same. @throws as `verify` */
export async function splitVerification(backup: Backup, input: PartsInput): Promise<{ readonly parts: number }> {
  const verifying = await beginVerifying(backup, { ...input, mode: "policy" });
  return { parts: await storeParts(verifying, input, { bytes: Number.POSITIVE_INFINITY, artifacts: 1 }) };
}

/** Reads back what is of one part, and stores what was found. Called again, it does so again. @throws as `verify` */
export async function verifyPart(backup: Backup, input: PartsInput, n: number): Promise<void> {
  const begunAt = backup.now().toISOString();
  const opened = await openArtifacts(backup, { ...input, mode: "policy" });
  const lines = (await taskLines(opened.storage, input)).filter(({ part }) => part === n);
  const artifacts = await verifyEach(backup, { ...opened, tasks: tasksOf(opened.entry, lines) });
  const key = verifiedPartKey(input.job, input.snapshot, n);
  await putDocument(opened.storage, key, documentBytes(sealed({ n, begunAt, artifacts })));
}

/** What the parts found becomes verified.json. @throws CodedError when not all of them did; else as `verify` */
export async function concludeParts(backup: Backup, input: PartsInput): Promise<Verification> {
  const opened = await openArtifacts(backup, { ...input, mode: "policy" });
  const lines = await taskLines(opened.storage, input);
  const parts = await partsDone(opened, input, lines);
  const unread = lines.filter(({ part }) => part === undefined);
  const settled = await verifyEach(backup, { ...opened, tasks: tasksOf(opened.entry, unread) });
  const found = [...parts.flatMap(({ artifacts }) => artifacts), ...settled];
  const byPath = new Map(found.map((one) => [one.path, one]));
  const inherited = new Map(lines.map((line) => [line.path, line.inherited?.failedProof?.at]));
  const recorded = new Map(
    opened.entry.verification?.artifacts.flatMap(({ path, failedProof }) =>
      failedProof === undefined || failedProof.at === inherited.get(path) ? [] : [[path, failedProof] as const],
    ),
  );
  const results = lines.map(({ path }): ArtifactVerification => {
    const result = byPath.get(path);
    if (result === undefined)
      throw new IntegrityError("INTEGRITY_MANIFEST", `no part of the verification names ${path}`);
    // What somebody else's proof found after the tasks were stored.
    return withFailedProof(result, recorded.get(path));
  });
  const begun = new Date(Math.min(backup.now().getTime(), ...parts.map(({ begunAt }) => Date.parse(begunAt))));
  return conclude(backup, opened, { begun, results });
}

/** Whoever is first decides: a second try of the same step goes by what lies there. */
async function storeParts({ storage, entry, tasks }: Verifying, of: PartsInput, limits: PartLimits): Promise<number> {
  const numbers = partNumbers(tasks, limits);
  const own = tasks.map(
    ({ artifact, read, inherited }, n): TaskLine => ({
      path: artifact.path,
      read,
      ...(numbers[n] === undefined ? {} : { part: numbers[n] }),
      ...(inherited === undefined ? {} : { inherited }),
    }),
  );
  await storeOnce(storage, verifyTasksKey(of.job, of.snapshot), own);
  const lines = await taskLines(storage, of);
  const bytes = tasksOf(entry, lines).map(({ artifact }) => artifact.bytes);
  const parts = partsOf(lines.flatMap(({ part }, n) => (part === undefined ? [] : [{ part, bytes: bytes[n] ?? 0 }])));
  await storeOnce(storage, verifyPartsKey(of.job, of.snapshot), parts);
  return parts.length;
}

async function storeOnce(storage: Storage, key: string, lines: readonly object[]): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  try {
    await putDocument(storage, key, new TextEncoder().encode(text), { ifAbsent: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

async function taskLines(storage: Storage, { job, snapshot }: PartsInput): Promise<readonly TaskLine[]> {
  const lines: TaskLine[] = [];
  for await (const { text, where } of storedLines(storage, verifyTasksKey(job, snapshot), MAX_LINE_BYTES))
    lines.push(parseDocument(taskLineSchema, where, new TextEncoder().encode(text)));
  return lines;
}

function tasksOf({ manifest, snapshot }: SnapshotEntry, lines: readonly TaskLine[]): readonly ArtifactTask[] {
  const known = new Map(
    manifest?.units.flatMap(({ artifacts }) => artifacts.map((one) => [one.path, { artifact: one, unit: artifacts }])),
  );
  return lines.map(({ path, read, inherited }) => {
    const found = known.get(path);
    if (found === undefined)
      throw new IntegrityError(
        "INTEGRITY_MANIFEST",
        `${path} is to be verified, and not in the manifest of ${snapshot}`,
      );
    return { ...found, read, inherited };
  });
}

async function partsDone(
  { storage }: ArtifactsOf,
  { job, snapshot }: PartsInput,
  lines: readonly TaskLine[],
): Promise<readonly VerifiedPart[]> {
  const numbers = [...new Set(lines.flatMap(({ part }) => part ?? []))];
  const found: (VerifiedPart | undefined)[] = [];
  await eachLimited(numbers.entries(), PARTS_AT_ONCE, async ([index, n]) => {
    const key = verifiedPartKey(job, snapshot, n);
    try {
      found[index] = parseDocument(partSchema, key, await readAll(await storage.get(key), MAX_PART_BYTES));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  });
  const done = found.filter((part) => part !== undefined);
  if (done.length === numbers.length) return done;
  const message = `${numbers.length - done.length} of ${numbers.length} parts of the verification did not end`;
  throw new CodedError("STORAGE_FAILED", message);
}

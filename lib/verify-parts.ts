import * as z from "zod";
import type { Backup } from "./backup.ts";
import { readAll } from "./bytes.ts";
import {
  CodedError,
  ConfigError,
  EncryptionError,
  errorRecord,
  IntegrityError,
  NotFoundError,
  StorageError,
  TransientError,
} from "./errors.ts";
import { withFailedProof } from "./failed-proof.ts";
import { verifiedPartKey, verifyPartsKey } from "./keys.ts";
import {
  type ArtifactVerification,
  artifactVerificationSchema,
  documentBytes,
  errorRecordSchema,
  parseDocument,
  type Verification,
} from "./manifest.ts";
import { eachLimited } from "./pool.ts";
import { type Condition, isRefusal, putDocument, putOnce } from "./put-document.ts";
import { sealed } from "./seal.ts";
import type { Storage } from "./storage/storage.ts";
import { readTasks, type StoredTasks, storeTasks } from "./stored-tasks.ts";
import { createNamedList } from "./tar/named-list.ts";
import {
  beginVerifying,
  conclude,
  isMachineUnable,
  openArtifacts,
  type VerifyInput,
  type Verifying,
  verifyEach,
} from "./verify.ts";
import { unreadOf } from "./verify-artifact.ts";
import { type PartLimits, partNumbers, partsOf, type VerifyPart } from "./verify-part-limits.ts";

/*
 * A verification that is too large for one process, in three steps as `plan`, `collect` and `finish` are those of a run:
 * what is to be done is stored, each part is done by a process of its own, and what they found becomes verified.json.
 */

/** A snapshot after its run, as its job's `verify` says. */
export type PartsInput = Omit<VerifyInput, "mode">;

/** Parts that are to be done now. */
export interface Parts {
  /** Of their list, one a line. */
  readonly partsKey: string;
  readonly parts: number;
}

/** Of a part that was lost, as with a function that nobody could call for minutes: so often all that are missing are begun again. */
const MORE_ROUNDS = 2;

const MAX_PART_BYTES = 64 * 1024 * 1024;
const PARTS_AT_ONCE = 16;
/** Calls of one part meet once or twice; not this often. */
const STORE_ATTEMPTS = 5;

const partSchema = z.strictObject({
  n: z.int().nonnegative(),
  tasks: z.string().describe("the seal of the tasks that it is a part of"),
  begunAt: z.iso.datetime(),
  durationMs: z.int().nonnegative(),
  compute: z.enum(["lambda", "fargate"]).describe("what did it in the end"),
  artifacts: z.array(artifactVerificationSchema),
  error: errorRecordSchema
    .optional()
    .describe(
      "why the rest was not found, where another try would fail as well, its machine was too small, or damage was found",
    ),
  seal: z.string(),
});
type VerifiedPart = z.infer<typeof partSchema>;

/** Verifies the snapshot; or stores what is to be done, in parts of `limits`, where that is more than one. @throws as `verify` */
export async function verifyOrSplit(
  backup: Backup,
  input: PartsInput,
  limits: PartLimits,
): Promise<Verification | Parts> {
  const begun = backup.now();
  const verifying = await beginVerifying(backup, { ...input, mode: "policy" });
  const isLarge = partNumbers(verifying.tasks, limits).some((part) => part !== undefined && part > 0);
  if (isLarge) return storeParts(verifying, limits);
  return conclude(backup, verifying, { begun, ...(await verifyEach(backup, verifying)) });
}

/** Stores what is to be done in parts of one artifact each: for what was small, and took too long all the same. @throws as `verify` */
export async function splitVerification(backup: Backup, input: PartsInput): Promise<Parts> {
  const verifying = await beginVerifying(backup, { ...input, mode: "policy" });
  return storeParts(verifying, { bytes: Number.POSITIVE_INFINITY, artifacts: 1 });
}

/**
 * Reads back what is of one part, and stores what was found, or why nothing was. Called again, it does so again. @throws IntegrityError when the
 * tasks, or the manifest, are not those that the parts were made from; else as `verify`
 */
export async function verifyPart(backup: Backup, input: PartsInput, { n, compute }: VerifyPart): Promise<void> {
  const begun = backup.now();
  const opened = await openArtifacts(backup, { ...input, mode: "policy" });
  const { tasks, seal } = await readTasks(opened.storage, opened.entry);
  const own = tasks.filter(({ part }) => part === n);
  if (own.length === 0)
    throw new IntegrityError("INTEGRITY_MANIFEST", `the verification of ${input.snapshot} has no part ${n}`);
  const key = verifiedPartKey(input.job, input.snapshot, n);
  const bytesOf = (found: Pick<VerifiedPart, "artifacts" | "error">) => {
    const durationMs = Math.max(0, backup.now().getTime() - begun.getTime());
    return documentBytes(sealed({ n, tasks: seal, begunAt: begun.toISOString(), durationMs, compute, ...found }));
  };
  const { results, failure } = await verifyEach(backup, { ...opened, tasks: own });
  if (failure === undefined) return storePart(opened.storage, key, bytesOf({ artifacts: [...results] }), () => true);
  const damaged = results.filter(({ error }) => error !== undefined);
  const isTold = isLasting(failure) || isMachineUnable(failure) || damaged.length > 0;
  const error = isTold ? errorRecord(failure, backup.redaction.redact) : undefined;
  if (error !== undefined) await storeFault(opened.storage, key, bytesOf({ artifacts: damaged, error }));
  throw failure;
}

/** What no other try, and no other machine, would mend: it is told as itself, not as a part that was lost. */
function isLasting(error: unknown): boolean {
  if (error instanceof EncryptionError) return error.code !== "ENCRYPTION_FAILED";
  return error instanceof ConfigError || error instanceof IntegrityError || error instanceof StorageError;
}

/** Where the storage itself is at fault, it may not take this either. */
async function storeFault(storage: Storage, key: string, bytes: Uint8Array): Promise<void> {
  const isLess = (stored: Uint8Array): boolean => {
    try {
      return isUndone(parseDocument(partSchema, key, stored));
    } catch (error) {
      if (error instanceof IntegrityError) return false;
      throw error;
    }
  };
  try {
    await storePart(storage, key, bytes, isLess);
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof TransientError)) throw error;
  }
}

/** Over what another call of the same part stored only where that `isLess` than this. @throws StorageError | TransientError */
async function storePart(
  storage: Storage,
  key: string,
  bytes: Uint8Array,
  isLess: (stored: Uint8Array) => boolean,
): Promise<void> {
  let condition: Condition = { ifAbsent: true };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return void (await putDocument(storage, key, bytes, condition));
    } catch (error) {
      if (!isRefusal(error) || attempt === STORE_ATTEMPTS) throw error;
    }
    const { content, version } = await storage.read(key, MAX_PART_BYTES);
    if (!isLess(content)) return;
    condition = { ifMatch: version };
  }
}

/**
 * What the parts found becomes verified.json; or the parts that are missing are to be done again, in the first `MORE_ROUNDS`
 * rounds, which count from 0. @throws CodedError at once what a part found that will not pass; after those rounds what no machine
 * was able to do, or `VERIFY_LOST` naming what was not read; else as `verifyPart`
 */
export async function concludeParts(backup: Backup, input: PartsInput, round: number): Promise<Verification | Parts> {
  const opened = await openArtifacts(backup, { ...input, mode: "policy" });
  const stored = await readTasks(opened.storage, opened.entry);
  const tried = await partsDone(opened.storage, input, stored);
  const parts = tried.filter((part) => !isUndone(part));
  const [fault] = parts.flatMap(({ error }) => error ?? []);
  const missing = missingOf(stored, parts);
  if (fault === undefined && missing.size > 0 && round < MORE_ROUNDS)
    return beginAgain(opened.storage, input, stored, missing, round);
  const unread = stored.tasks.filter(({ part }) => part === undefined);
  const settled = await verifyEach(backup, { ...opened, tasks: unread });
  const found = [...parts.flatMap(({ artifacts }) => artifacts), ...settled.results];
  const failure =
    fault !== undefined
      ? new CodedError(fault.code, fault.message)
      : missing.size > 0
        ? whyMissing(stored, missing, tried.filter(isUndone), round)
        : settled.failure;
  const byPath = new Map(found.map((one) => [one.path, one]));
  const inherited = new Map(stored.tasks.map(({ artifact, inherited: one }) => [artifact.path, one?.failedProof?.at]));
  const recorded = new Map(
    opened.entry.verification?.artifacts.flatMap(({ path, failedProof }) =>
      failedProof === undefined || failedProof.at === inherited.get(path) ? [] : [[path, failedProof] as const],
    ),
  );
  const results = stored.tasks.flatMap(({ artifact: { path }, inherited: before }): ArtifactVerification[] => {
    const result = byPath.get(path);
    // What somebody else's proof found after the tasks were stored.
    if (result !== undefined) return [withFailedProof(result, recorded.get(path))];
    if (failure !== undefined) return before === undefined ? [] : [unreadOf(before)];
    throw new IntegrityError("INTEGRITY_MANIFEST", `no part of the verification names ${path}`);
  });
  const begun = new Date(Math.min(backup.now().getTime(), ...parts.map(({ begunAt }) => Date.parse(begunAt))));
  return conclude(backup, opened, {
    begun,
    results,
    ...(failure === undefined ? {} : { failure }),
    parts: { lambda: spentOn("lambda"), fargate: spentOn("fargate") },
  });

  function spentOn(compute: VerifyPart["compute"]) {
    const own = parts.filter((part) => part.compute === compute);
    return { parts: own.length, durationMs: own.reduce((sum, { durationMs }) => sum + durationMs, 0) };
  }
}

/** A second try of the same step goes by what the first one stored. */
async function storeParts({ storage, entry, tasks }: Verifying, limits: PartLimits): Promise<Parts> {
  const numbers = partNumbers(tasks, limits);
  await storeTasks(
    storage,
    entry,
    tasks.map((task, n) => ({ ...task, part: numbers[n] })),
  );
  const { tasks: stored } = await readTasks(storage, entry);
  return storeList(storage, verifyPartsKey(entry.job, entry.snapshot, 0), stored);
}

async function storeList(storage: Storage, partsKey: string, tasks: StoredTasks["tasks"]): Promise<Parts> {
  const parts = partsOf(
    tasks.flatMap(({ part, artifact: { bytes } }) => (part === undefined ? [] : [{ part, bytes }])),
  );
  const text = parts.map((part) => `${JSON.stringify(part)}\n`).join("");
  await putOnce(storage, partsKey, new TextEncoder().encode(text));
  return { partsKey, parts: parts.length };
}

function missingOf({ tasks }: StoredTasks, parts: readonly VerifiedPart[]): ReadonlySet<number> {
  const done = new Set(parts.map(({ n }) => n));
  return new Set(tasks.flatMap(({ part }) => (part === undefined || done.has(part) ? [] : part)));
}

async function beginAgain(
  storage: Storage,
  { job, snapshot }: PartsInput,
  { tasks }: StoredTasks,
  missing: ReadonlySet<number>,
  round: number,
): Promise<Parts> {
  const lost = tasks.filter(({ part }) => part !== undefined && missing.has(part));
  return storeList(storage, verifyPartsKey(job, snapshot, round + 1), lost);
}

/** No machine that a part was given to was able to do it: another one may be, as none of what is stored was found wrong. */
const isUndone = ({ error, artifacts }: VerifiedPart): boolean =>
  error !== undefined && isMachineUnable(error) && artifacts.length === 0;

function whyMissing(
  { tasks }: StoredTasks,
  missing: ReadonlySet<number>,
  undone: readonly VerifiedPart[],
  round: number,
): CodedError {
  const [unable] = undone.flatMap(({ error }) => error ?? []);
  if (unable !== undefined && undone.length === missing.size) return new CodedError(unable.code, unable.message);
  const lost = tasks.filter(({ part }) => part !== undefined && missing.has(part));
  const paths = createNamedList();
  for (const { artifact } of lost) paths.add(artifact.path);
  const all = new Set(tasks.flatMap(({ part }) => part ?? [])).size;
  const message = `${missing.size} of ${all} parts of the verification did not end, begun ${round + 1} times: of ${paths.summary()} nothing is known${unable === undefined ? "" : `; of one it was heard: ${unable.code}: ${unable.message}`}`;
  return new CodedError("VERIFY_LOST", message);
}

async function partsDone(
  storage: Storage,
  { job, snapshot }: PartsInput,
  { tasks, seal }: StoredTasks,
): Promise<readonly VerifiedPart[]> {
  const numbers = [...new Set(tasks.flatMap(({ part }) => part ?? []))];
  const found: (VerifiedPart | undefined)[] = [];
  await eachLimited(numbers.entries(), PARTS_AT_ONCE, async ([index, n]) => {
    const key = verifiedPartKey(job, snapshot, n);
    try {
      const part = parseDocument(partSchema, key, await readAll(await storage.get(key), MAX_PART_BYTES));
      if (part.n !== n || part.tasks !== seal)
        throw new IntegrityError("INTEGRITY_MANIFEST", `${key} is not what part ${n} of this verification found`);
      found[index] = part;
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  });
  return found.filter((part) => part !== undefined);
}

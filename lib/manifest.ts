import * as z from "zod";
import type { Facts, JsonValue } from "./connectors/connector.ts";
import { SEALED } from "./encryption/encryption.ts";
import { type ErrorCode, type ErrorRecord, errorCodes, IntegrityError } from "./errors.ts";
import { checkSeal } from "./seal.ts";

/**
 * The documents that are kept beside the artifacts: a unit's record, the manifest, and what was verified. Their
 * form is held still by golden files and published as JSON Schema (config/manifest.schema.json).
 */

export const json: z.ZodType<JsonValue> = z.json();
const facts: z.ZodType<Facts> = z.record(z.string(), json);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime();
const snapshotName = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{6}Z$/);
const count = z.int().nonnegative();

export const errorRecordSchema = z.strictObject({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retryable: z.boolean(),
});

const warning = z.strictObject({
  code: z.string(),
  message: z.string(),
  unit: z.string().optional().describe("absent for a warning about the whole run"),
});

const artifactSchema = z.strictObject({
  path: z.string().describe("relative to the snapshot's folder"),
  bytes: count.describe("as stored"),
  sha256: digest.describe("of the stored bytes, confirmed by the storage"),
  sourceBytes: count.describe("before compression and encryption"),
  sourceSha256: digest.describe("of the bytes before compression and encryption"),
  contentType: z.string(),
  compression: z.enum(["none", "gzip", "zstd"]),
  encryption: z
    .strictObject({
      type: z.enum(["age", "gpg"]),
      recipients: z.array(z.string()).describe("public fingerprints of who can decrypt it"),
    })
    .nullable()
    .describe("null for what is stored in the clear"),
  facts,
  restore: z.string().describe("a shell command, to be run in the artifact's folder"),
  reusedFrom: snapshotName.optional().describe("the snapshot that it was taken over from, by itself"),
  unconfirmedCopy: z
    .literal(true)
    .optional()
    .describe("taken over by a copy whose bytes the storage did not confirm: the run's own verification reads it"),
});

const unit = z.strictObject({
  id: z.string(),
  identity: z.string().optional().describe("what stays when the unit is renamed at the source"),
  status: z.enum(["ok", "unchanged", "failed", "skipped"]),
  fingerprint: z.string().optional(),
  startedAt: instant.optional(),
  durationMs: count,
  attempts: count,
  compute: z.enum(["lambda", "fargate"]),
  artifacts: z.array(artifactSchema),
  reusedFrom: snapshotName.optional().describe("for an unchanged unit, the snapshot whose artifacts these are"),
  error: errorRecordSchema.optional(),
});

const totals = z.strictObject({
  units: count,
  ok: count,
  unchanged: count,
  failed: count,
  skipped: count,
  artifacts: count,
  bytes: count,
  sourceBytes: count,
});

export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal("core-backup"), version: z.string() }),
  job: z.string(),
  service: z.string(),
  run: z.string(),
  snapshot: snapshotName,
  status: z.enum(["ok", "partial", "failed"]),
  startedAt: instant,
  finishedAt: instant,
  durationMs: count,
  resumedAt: z
    .array(instant)
    .min(1)
    .optional()
    .describe(
      "when the run was taken up again after it had been ended before its time; units that had ended by then are of before",
    ),
  only: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("the run was narrowed to the units of these ids or globs; what else the job has is not in this snapshot"),
  totals,
  units: z.array(unit),
  warnings: z.array(warning),
  previous: z.strictObject({ snapshot: snapshotName, manifestSha256: digest }).nullable(),
});

/** `.run/units/<n>.json`. `running` until the unit ends; `pending` names artifacts that may lie there beside those listed. */
export const unitRecordSchema = unit.extend({
  run: z.string(),
  n: count,
  status: z.enum(["running", "ok", "unchanged", "failed", "skipped"]),
  pending: z
    .array(z.string())
    .optional()
    .describe(
      "begun, by this attempt or an earlier one, and not known to be stored; a name that ends in a slash stands for all in that folder",
    ),
  seal: digest.optional().describe("SHA-256 of the rest of the record as compact JSON"),
  deferredUntil: instant.optional().describe("for a unit that waits for its source, when it is to go on"),
  warnings: z.array(warning),
});

const proof = z.strictObject({
  level: z
    .enum(["sealed", "read", "restored", "full"])
    .describe("sealed: encrypted, and no private key was at hand; the stored bytes are the right ones"),
  detail: z.string(),
  at: instant,
});

const failedProof = z.strictObject({
  level: z.enum(["read", "full"]).describe("how far a proof has to go at least to undo it"),
  at: instant,
  error: errorRecordSchema,
});

export const artifactVerificationSchema = z.strictObject({
  path: z.string(),
  checksum: z
    .enum(["ok", "inherited", "failed"])
    .describe("inherited: an unchanged artifact that was not read this time"),
  checkedAt: instant.describe("when the bytes were last read back"),
  proof: proof.nullable(),
  failedProof: failedProof
    .optional()
    .describe("a proof of the right bytes that failed, and that no later one of its level has undone"),
  error: errorRecordSchema.optional().describe("what is wrong with it: the bytes, or else its failed proof"),
});

const spent = z.strictObject({ parts: count, durationMs: count.describe("of all of them together") });

export const verificationSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  snapshot: snapshotName,
  manifestSha256: digest,
  ok: z.boolean(),
  verifiedAt: instant,
  durationMs: count,
  parts: z
    .strictObject({ lambda: spent, fargate: spent })
    .optional()
    .describe(
      "verified in parts, on AWS: what each kind of compute did; durationMs above is from the first to the last",
    ),
  proved: count.describe("artifacts that have a proof"),
  artifacts: z.array(artifactVerificationSchema),
  faults: z
    .array(errorRecordSchema)
    .describe("what is wrong with the snapshot itself: its manifest, its list of digests, its place in the chain"),
});

export type Artifact = z.infer<typeof artifactSchema>;
export type ManifestUnit = z.infer<typeof unit>;
export type ManifestWarning = z.infer<typeof warning>;
export type Manifest = z.infer<typeof manifestSchema>;
export type UnitRecord = z.infer<typeof unitRecordSchema>;
export type ArtifactVerification = z.infer<typeof artifactVerificationSchema>;
export type FailedProof = z.infer<typeof failedProof>;
export type Verification = z.infer<typeof verificationSchema>;

/** What is wrong with the snapshot itself, else with the first artifact with which something is. */
export const firstFault = ({ faults, artifacts }: Verification): ErrorRecord | undefined =>
  faults[0] ?? artifacts.find(({ error }) => error !== undefined)?.error;

/** The manifest's entry of a unit that ended. One that is still `running` was lost on the way. */
export function unitOfRecord(record: UnitRecord): ManifestUnit {
  const {
    run: _run,
    n: _n,
    pending: _pending,
    seal: _seal,
    deferredUntil: _until,
    warnings: _warnings,
    id,
    status,
    ...rest
  } = record;
  if (status !== "running") return { id, status, ...rest };
  const message = "the unit began but never ended: its process was ended from outside";
  return { id, status: "failed", ...rest, error: { code: "UNIT_LOST", message, retryable: true } };
}

/** The bytes that are stored: two-space JSON and a final newline, for people with `less`. */
export function documentBytes(document: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
}

export const isSealedContent = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes).subarray(0, SEALED.length).equals(Buffer.from(SEALED));

/**
 * @throws IntegrityError `INTEGRITY_MANIFEST` naming `key` and the field that is wrong; `SEALED` for what no key at hand opens, and
 * `VERSION_UNKNOWN` for what another version wrote: both may be whole
 */
export function parseDocument<T>(schema: z.ZodType<T>, key: string, bytes: Uint8Array): T {
  if (isSealedContent(bytes)) {
    throw new IntegrityError(
      "SEALED",
      `${key} is sealed and does not open: names_key under encryption is missing or another one, or it is damaged`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new IntegrityError("INTEGRITY_MANIFEST", `${key} is not JSON`, { cause: error });
  }
  checkSeal(value, key);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const version = z.object({ schemaVersion: z.int() }).safeParse(value).data?.schemaVersion;
  if (version !== undefined && parsed.error.issues.some(({ path }) => path[0] === "schemaVersion"))
    throw new IntegrityError(
      "VERSION_UNKNOWN",
      `${key} is of schemaVersion ${version}, which this version does not know`,
    );
  const issue = parsed.error.issues[0];
  throw new IntegrityError("INTEGRITY_MANIFEST", `${key}: ${issue?.path.join(".")}: ${issue?.message}`);
}

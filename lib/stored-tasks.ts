import { createHash } from "node:crypto";
import * as z from "zod";
import { IntegrityError } from "./errors.ts";
import { verifyTasksKey } from "./keys.ts";
import { artifactVerificationSchema, parseDocument } from "./manifest.ts";
import { putOnce } from "./put-document.ts";
import { sealed } from "./seal.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import type { Storage } from "./storage/storage.ts";
import { storedLines } from "./stored-lines.ts";
import type { ArtifactTask } from "./verify-tasks.ts";

/** A task with the number of the part that does it; none for what is not read this time. */
export interface NumberedTask extends ArtifactTask {
  readonly part: number | undefined;
}

export interface StoredTasks {
  /** One for each artifact of the manifest, in its order. */
  readonly tasks: readonly NumberedTask[];
  /** Names exactly these tasks of exactly this manifest. */
  readonly seal: string;
}

const MAX_LINE_BYTES = 1024 * 1024;

/** The first line: of what is missing below it, and of what lies there in its place, no line itself could tell. */
const headSchema = z.strictObject({
  lines: z.int().nonnegative(),
  sha256: z.string().describe("of all the lines that follow"),
  manifestSha256: z.string().describe("of the manifest.json that they were made from"),
  seal: z.string(),
});

const lineSchema = z.strictObject({
  path: z.string(),
  read: z.enum(["no", "checksum", "prove", "full"]),
  part: z.int().nonnegative().optional().describe("absent for what is not read this time"),
  inherited: artifactVerificationSchema.optional(),
});
type Line = z.infer<typeof lineSchema>;

/** Whoever is first decides: where there are tasks already, they stay. @throws StorageError | TransientError */
export async function storeTasks(
  storage: Storage,
  entry: SnapshotEntry,
  tasks: readonly NumberedTask[],
): Promise<void> {
  const lines = tasks
    .map(({ artifact, read, part, inherited }): Line => ({ path: artifact.path, read, part, inherited }))
    .map((line) => JSON.stringify(line));
  const { manifestSha256 } = entry;
  const head = sealed({ lines: lines.length, sha256: digestOf(lines), manifestSha256 });
  const text = [JSON.stringify(head), ...lines].map((line) => `${line}\n`).join("");
  await putOnce(storage, verifyTasksKey(entry.job, entry.snapshot), new TextEncoder().encode(text));
}

/**
 * @throws IntegrityError when they are not all that was stored, or not of the manifest as it lies there now: with tasks left
 * out, a verification would be ok that never looked at their artifacts
 */
export async function readTasks(storage: Storage, entry: SnapshotEntry): Promise<StoredTasks> {
  const key = verifyTasksKey(entry.job, entry.snapshot);
  const [first, ...rest] = await Array.fromAsync(storedLines(storage, key, MAX_LINE_BYTES));
  const wrong = (what: string) => new IntegrityError("INTEGRITY_MANIFEST", `${key}: ${what}`);
  if (first === undefined) throw wrong("it is empty");
  const head = parsed(headSchema, first);
  const texts = rest.map(({ text }) => text);
  if (texts.length !== head.lines) throw wrong(`it has ${texts.length} of the ${head.lines} lines that were written`);
  if (digestOf(texts) !== head.sha256) throw wrong("its lines are not those that were written, or not in that order");
  if (head.manifestSha256 !== entry.manifestSha256)
    throw wrong(`it was made from another manifest.json than snapshot ${entry.snapshot} has now`);
  const lines = rest.map((line) => parsed(lineSchema, line));
  const known = (entry.manifest?.units ?? []).flatMap(({ artifacts }) =>
    artifacts.map((artifact) => ({ artifact, unit: artifacts })),
  );
  const tasks = known.map((of, n): NumberedTask => {
    const { path, read, part, inherited } = lines[n] ?? {};
    if (read === undefined || path !== of.artifact.path)
      throw wrong(`it does not say how to verify ${of.artifact.path}`);
    return { ...of, read, part, inherited };
  });
  if (lines.length > tasks.length) throw wrong(`it names ${lines[tasks.length]?.path}, which the manifest does not`);
  return { tasks, seal: head.seal };
}

const digestOf = (lines: readonly string[]): string =>
  lines.reduce((hash, line) => hash.update(`${line}\n`), createHash("sha256")).digest("hex");

const parsed = <T>(schema: z.ZodType<T>, { text, where }: { readonly text: string; readonly where: string }): T =>
  parseDocument(schema, where, new TextEncoder().encode(text));

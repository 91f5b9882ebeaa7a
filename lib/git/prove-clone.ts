import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../bytes.ts";
import type { Proof, ProvenArtifact } from "../connectors/connector.ts";
import { CodedError } from "../errors.ts";
import { ProgramFailedError, programOutput, programText } from "../process.ts";
import { scratchFolder } from "../scratch.ts";
import { openBundle } from "./bundle.ts";
import { type BundleFacts, disagreement, factsOfBundle, headMustAgree, mustAgree } from "./bundle-facts.ts";
import { checkObjects } from "./fsck.ts";
import { isolatedEnvironment } from "./git-program.ts";
import type { Listing } from "./refs.ts";

/**
 * Restores as a person would: the bundle as a file, `git bundle verify`, `git clone --mirror`. It is the one place of
 * this connector that needs disk (the bundle and the clone, in a private temporary folder that is always removed).
 * @throws IntegrityError `PROOF_FAILED`
 */
export async function proveByClone(
  artifact: ProvenArtifact,
  bytes: Bytes,
  { full, signal }: { full: boolean; signal: AbortSignal },
): Promise<Proof> {
  const facts = factsOfBundle(artifact);
  const scratch = await scratchFolder("prove");
  const folder = scratch.path;
  try {
    const bundle = join(folder, "repository.bundle");
    await writeWhole(bundle, bytes, signal);
    const clone = await cloned(artifact, facts, folder, bundle, signal);
    const refs = await refsOf(clone, signal);
    mustAgree(artifact, "refs", refs.count, facts.refs);
    mustAgree(artifact, "as digest of the refs", refs.sha256, facts.refsSha256);
    headMustAgree(artifact, await listingOf(bundle), facts);
    const objects = await objectsOf(clone, signal);
    mustAgree(artifact, "objects", objects, facts.objects);
    const checked = await checkObjects(artifact, clone, full, signal);
    return { level: full ? "full" : "restored", detail: `${objects} objects, ${refs.count} refs, ${checked}` };
  } finally {
    await scratch.remove();
  }
}

async function writeWhole(path: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
}

async function cloned(
  artifact: ProvenArtifact,
  facts: BundleFacts,
  folder: string,
  bundle: string,
  signal: AbortSignal,
): Promise<string> {
  const empty = join(folder, "empty.git");
  const clone = join(folder, "repository.git");
  const run = (args: readonly string[]) => programText("git", args, { signal, env: isolatedEnvironment });
  await run(["init", "--quiet", "--bare", `--object-format=${facts.objectFormat}`, empty]);
  try {
    await run(["-C", empty, "bundle", "verify", "--quiet", bundle]);
    await run(["clone", "--quiet", "--mirror", bundle, clone]);
  } catch (error) {
    if (!(error instanceof ProgramFailedError)) throw error;
    throw disagreement(artifact, `git cannot restore it: ${error.message.replaceAll(folder, "")}`, error);
  }
  return clone;
}

/** git has read the same header already, so it cannot be broken here. */
async function listingOf(bundle: string): Promise<Listing> {
  const { listing, pack } = await openBundle(createReadStream(bundle));
  await pack.close();
  return listing;
}

async function refsOf(clone: string, signal: AbortSignal): Promise<{ count: number; sha256: string }> {
  const hash = createHash("sha256");
  let count = 0;
  // Exit code 1 says that there is none, which a detached HEAD alone can be.
  const judge = (exit: { code: number | null; stderr: string }) => {
    if (exit.code !== 0 && exit.code !== 1) throw new CodedError("INTERNAL", `git show-ref: ${exit.stderr}`);
  };
  for await (const chunk of programOutput("git", ["-C", clone, "show-ref"], {
    signal,
    env: isolatedEnvironment,
    judge,
  })) {
    hash.update(chunk);
    for (const byte of chunk) if (byte === 10) count += 1;
  }
  return { count, sha256: hash.digest("hex") };
}

async function objectsOf(clone: string, signal: AbortSignal): Promise<number> {
  const text = await programText("git", ["-C", clone, "count-objects", "-v"], { signal, env: isolatedEnvironment });
  const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  return value("count") + value("in-pack");
}

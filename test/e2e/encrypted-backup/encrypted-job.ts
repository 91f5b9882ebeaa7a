import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Manifest, manifestSchema, verificationSchema } from "../../../lib/manifest.ts";
import { assertPlain, coreBackup, type Ended, paths, temporaryFolder } from "../core-backup.ts";
import { type FilesJob, filesJob } from "../files-job.ts";

/** A folder backed up with `encryption`, and what asks about it. */
export async function encryptedJob(t: TestContext, encryption: string, env: NodeJS.ProcessEnv = {}) {
  const job = await filesJob(
    await temporaryFolder(t),
    `    encryption:\n      ${encryption.replaceAll("\n", "\n      ")}`,
  );
  const ask = async (args: readonly string[], code: number): Promise<Ended> => {
    const ended = await coreBackup([...args, "--config", job.config], { env });
    assertPlain(ended);
    assert.equal(ended.code, code, JSON.stringify(ended));
    return ended;
  };
  return { ...job, ask };
}

export async function snapshotOf(job: FilesJob): Promise<{ folder: string; manifest: Manifest; artifact: string }> {
  const found = (await paths(job.backups)).find((path) => path.endsWith("/manifest.json"));
  assert.ok(found !== undefined);
  const folder = join(job.backups, found, "..");
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")));
  const artifact = manifest.units[0]?.artifacts[0]?.path;
  assert.ok(artifact !== undefined);
  return { folder, manifest, artifact };
}

export async function proofOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, "verified.json"), "utf8");
  const verification = verificationSchema.parse(JSON.parse(text));
  assert.equal(verification.ok, true);
  return verification.artifacts[0]?.proof?.level;
}

/** What is stored is damaged in two ways, one after the other, and who has no private key is told of each. */
export async function assertDamageIsTold(job: Awaited<ReturnType<typeof encryptedJob>>): Promise<void> {
  const { folder, artifact } = await snapshotOf(job);
  const path = join(folder, artifact);
  const whole = await readFile(path);
  const flipped = Buffer.from(whole);
  flipped[whole.byteLength >> 1] = (flipped[whole.byteLength >> 1] ?? 0) ^ 4;
  for (const [content, args] of [
    [flipped, ["verify"]],
    [whole.subarray(0, -1), ["verify", "--prove"]],
  ] as const) {
    await writeFile(path, content);
    const { stdout } = await job.ask(args, 1);
    assert.match(stdout, /INTEGRITY_MISMATCH/);
    assert.ok(stdout.includes(artifact), stdout);
  }
  assert.match((await job.ask(["list"], 0)).stdout, / WRONG /);
}

export async function assertRestored(job: FilesJob, folder: string): Promise<void> {
  const found = (await paths(folder)).find((path) => path.endsWith("a.txt"));
  assert.ok(found !== undefined, folder);
  assert.deepEqual(await readFile(join(folder, found)), await readFile(join(job.source, "a.txt")));
}

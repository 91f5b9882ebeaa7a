import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import type { Facts } from "../../lib/connectors/connector.ts";
import { git } from "../../lib/connectors/git/git.ts";
import { IntegrityError, SourceError } from "../../lib/errors.ts";
import { oddPieces } from "../support/bytes.ts";
import { backUp, gitConnector } from "../support/git-backup.ts";
import { aGitFolder, aRepository, gitSync, showRef } from "../support/git-repository.ts";

const { signal } = new AbortController();
const artifactOf = (facts: Facts) => ({
  path: "app/repository.bundle",
  contentType: "application/x-git-bundle",
  facts,
});
const refused = (error: unknown) => error instanceof IntegrityError && error.code === "PROOF_FAILED";

async function scene(objectFormat: "sha1" | "sha256" = "sha1") {
  const folder = await aGitFolder();
  const path = await aRepository(folder.path, { objectFormat, bigFileBytes: 400_000, commits: 30 });
  const made = await backUp(path, folder.path);
  const connector = await gitConnector([path]);
  return {
    folder: folder.path,
    path,
    made,
    connector,
    bytes: await readFile(made.bundle),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** While `body` runs, no program is found. */
async function withoutPrograms<T>(body: () => Promise<T>): Promise<T> {
  const { PATH } = process.env;
  process.env.PATH = "/nonexistent";
  try {
    return await body();
  } finally {
    process.env.PATH = PATH;
  }
}

for (const objectFormat of ["sha1", "sha256"] as const) {
  test(`proof says what it restored and how far it went (${objectFormat})`, async () => {
    await using at = await scene(objectFormat);
    const prove = (full: boolean) =>
      at.connector.prove(artifactOf(at.made.facts), createReadStream(at.made.bundle), { full, signal });
    const { objects } = at.made.facts;
    assert.deepEqual(await prove(false), { level: "restored", detail: `${objects} objects, 7 refs, connectivity` });
    assert.deepEqual(await prove(true), {
      level: "full",
      detail: `${objects} objects, 7 refs, every object and connectivity`,
    });
  });

  test(`without git the bundle is read here, and the proof says so (${objectFormat})`, async () => {
    await using at = await scene(objectFormat);
    let told = 0;
    const onlyRead = () => {
      told += 1;
    };
    const prove = (bytes: Uint8Array, facts: Facts = at.made.facts) =>
      withoutPrograms(() => at.connector.prove(artifactOf(facts), oddPieces(bytes), { full: true, signal, onlyRead }));
    assert.deepEqual(await prove(at.bytes), {
      level: "read",
      detail: `${at.made.facts.objects} objects, 7 refs, pack checksum; read here, without git`,
    });
    assert.equal(told, 1);
    await assert.rejects(prove(at.bytes, { ...at.made.facts, objects: 1 }), refused);
    await assert.rejects(prove(at.bytes, { ...at.made.facts, refs: 1 }), refused);
    await assert.rejects(prove(at.bytes, { ...at.made.facts, refsSha256: "0" }), refused);
    for (const cut of [0, 5, 100, at.bytes.byteLength - 1])
      await assert.rejects(prove(at.bytes.subarray(0, cut)), refused);
    for (const flip of [1, 30, at.bytes.indexOf("PACK"), at.bytes.byteLength - 1, at.bytes.byteLength - 200_000]) {
      const broken = Uint8Array.from(at.bytes);
      broken[flip] = (broken[flip] ?? 0) ^ 1;
      await assert.rejects(prove(broken), refused, `bit at ${flip}`);
    }
  });
}

test("a pack that holds fewer objects than its header says, or more, is refused with and without git", async () => {
  await using at = await scene();
  for (const change of [-1, 1]) {
    const broken = Buffer.from(at.bytes);
    const pack = broken.indexOf("PACK");
    broken.writeUInt32BE(broken.readUInt32BE(pack + 8) + change, pack + 8);
    createHash("sha1")
      .update(broken.subarray(pack, -20))
      .digest()
      .copy(broken, broken.byteLength - 20);
    const facts = { ...at.made.facts, objects: Number(at.made.facts.objects) + change };
    const prove = () => at.connector.prove(artifactOf(facts), oddPieces(broken), { full: false, signal });
    await assert.rejects(prove(), refused);
    await assert.rejects(withoutPrograms(prove), refused);
  }
});

test("a header whose HEAD was changed is refused with and without git", async () => {
  await using at = await scene();
  const header = Buffer.from(at.bytes.subarray(0, at.bytes.indexOf("PACK"))).toString("latin1");
  const other = gitSync(at.path, ["rev-parse", "main~3"]).trim();
  const changed = Buffer.from(header.replace(/[0-9a-f]{40} HEAD/, `${other} HEAD`), "latin1");
  assert.notEqual(changed.toString("latin1"), header);
  const broken = Buffer.concat([changed, at.bytes.subarray(header.length)]);
  const prove = () => at.connector.prove(artifactOf(at.made.facts), oddPieces(broken), { full: false, signal });
  await assert.rejects(prove(), refused);
  await assert.rejects(withoutPrograms(prove), refused);
});

test("a bundle that lacks an object which its refs need is refused", async () => {
  await using at = await scene();
  const bundle = join(at.folder, "part.bundle");
  gitSync(at.path, ["bundle", "create", bundle, "main~3..main"]);
  const prove = async () =>
    at.connector.prove(artifactOf(at.made.facts), createReadStream(bundle), { full: false, signal });
  await assert.rejects(prove(), refused);
  await assert.rejects(withoutPrograms(prove), refused);
});

test("old commits that git calls malformed are as at the source, and no failure", async () => {
  await using folder = await aGitFolder();
  const path = await aRepository(folder.path);
  const tree = gitSync(path, ["rev-parse", "main^{tree}"]).trim();
  const text = `tree ${tree}\nauthor A <a@example.org> 1 +00000000\ncommitter A<a@example.org> 1 +0000\n\nold\n`;
  const oid = gitSync(path, ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text).trim();
  gitSync(path, ["update-ref", "refs/heads/old", oid]);
  const made = await backUp(path, folder.path);
  const connector = await gitConnector([path]);
  for (const full of [false, true]) {
    const proof = await connector.prove(artifactOf(made.facts), createReadStream(made.bundle), { full, signal });
    assert.equal(proof.level, full ? "full" : "restored");
    if (full) assert.match(proof.detail, /1 objects are malformed by git's rules, as at the source/);
  }
});

test("restoring gives a bare repository with all refs, HEAD where it was, and no remote", async () => {
  for (const head of ["refs/heads/main", "refs/heads/not/yet", "detached"]) {
    await using at = await scene();
    if (head === "detached") gitSync(at.path, ["update-ref", "--no-deref", "HEAD", "main~2"]);
    else gitSync(at.path, ["symbolic-ref", "HEAD", head]);
    const made = await backUp(at.path, at.folder);
    const target = join(at.folder, "target");
    await mkdir(target);
    const paths = await git.restore(artifactOf(made.facts), oddPieces(await readFile(made.bundle)), target, signal);
    assert.deepEqual(paths, ["repository.git"]);
    assert.deepEqual(await readdir(target), paths);
    const restored = join(target, "repository.git");
    assert.equal(showRef(restored), showRef(at.path));
    assert.equal(await readFile(join(restored, "HEAD"), "utf8"), await readFile(join(at.path, "HEAD"), "utf8"));
    gitSync(restored, ["fsck", "--full", "--strict"]);
    assert.doesNotMatch(await readFile(join(restored, "config"), "utf8"), /remote/);
  }
});

test("restoring a SHA-256 repository gives one", async () => {
  await using at = await scene("sha256");
  const target = join(at.folder, "target");
  await mkdir(target);
  await git.restore(artifactOf(at.made.facts), oddPieces(at.bytes), target, signal);
  assert.equal(showRef(join(target, "repository.git")), showRef(at.path));
});

test("restoring what ends in a mismatch leaves nothing behind, although git had all of the pack", async () => {
  await using at = await scene();
  const target = join(at.folder, "target");
  await mkdir(target);
  const mismatch = new IntegrityError("INTEGRITY_MISMATCH", "other bytes than the manifest says");
  async function* failing() {
    yield* bytesOf(at.bytes);
    await new Promise((resolve) => setTimeout(resolve, 500));
    throw mismatch;
  }
  await assert.rejects(
    git.restore(artifactOf(at.made.facts), failing(), target, signal),
    (error) => error === mismatch,
  );
  assert.deepEqual(await readdir(target), []);
});

test("restoring without git says what is missing", async () => {
  await using at = await scene();
  await assert.rejects(
    withoutPrograms(() => git.restore(artifactOf(at.made.facts), oddPieces(at.bytes), at.folder, signal)),
    (error) => error instanceof SourceError && /needs git/.test(error.message),
  );
});

test("a local path without git on the machine says what is missing", async () => {
  await using at = await scene();
  await assert.rejects(
    withoutPrograms(() => backUp(at.path, at.folder)),
    (error) => error instanceof SourceError && /needs the program git/.test(error.message),
  );
});

test("nobody's configuration of git changes how a bundle is proved or restored", async () => {
  await using at = await scene();
  const { HOME } = process.env;
  process.env.HOME = at.folder;
  await writeFile(
    join(at.folder, ".gitconfig"),
    "[transfer]\n\tfsckObjects = true\n[init]\n\ttemplateDir = /nonexistent\n[fsck]\n\tbroken\n[oops\n",
  );
  try {
    const proof = await at.connector.prove(artifactOf(at.made.facts), oddPieces(at.bytes), { full: true, signal });
    assert.equal(proof.level, "full");
  } finally {
    process.env.HOME = HOME;
  }
});

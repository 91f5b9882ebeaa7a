import assert from "node:assert/strict";
import { test } from "node:test";
import { openEncryption } from "../../../lib/encryption/all.ts";
import type { Decryption, Encryption } from "../../../lib/encryption/encryption.ts";
import { EncryptionError } from "../../../lib/errors.ts";
import type { Manifest } from "../../../lib/manifest.ts";
import { runJobs } from "../../../lib/run.ts";
import { verify } from "../../../lib/verify.ts";
import type { VerifyMode } from "../../../lib/verify-tasks.ts";
import { aBackup, contentsOf } from "../../support/a-backup.ts";
import { failingAfter } from "../../support/bytes.ts";

const ONE = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const TWO = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

async function ageFor(...recipients: string[]): Promise<Encryption> {
  return openEncryption({ type: "age", recipients }, noSecrets());
}

async function agePassphrase(passphrase: string): Promise<Encryption> {
  const secrets = { resolve: async () => passphrase };
  return openEncryption({ type: "age", passphrase_env: "P" }, { ...noSecrets(), secrets });
}

const noSecrets = () => ({
  secrets: { resolve: () => Promise.reject(new Error("no secret is needed")) },
  signal: new AbortController().signal,
});

/** Runs one unit that never changes once for each encryption, and says each time whether it was collected again. */
async function statuses(encryptions: readonly (Encryption | undefined)[], decryption?: Decryption) {
  let encryption: Encryption | undefined;
  const a = aBackup({
    units: () => [{ id: "same", fingerprint: "f", items: { "same.json": "content" } }],
    encryption: () => encryption,
    decryption: () => decryption,
  });
  const manifests: Manifest[] = [];
  for (const one of encryptions) {
    encryption = one;
    const { jobs } = await runJobs(a.backup, ["docs"]);
    const manifest = jobs[0]?.manifest;
    assert.ok(manifest, jobs[0]?.error?.message);
    manifests.push(manifest);
    a.later(60);
  }
  return { statuses: manifests.map(({ units }) => units[0]?.status), manifests, a };
}

test("an unchanged unit is reused while its encryption stays the same, whatever the order of recipients", async () => {
  const same = [await ageFor(ONE, TWO), await ageFor(TWO, ONE)];
  assert.deepEqual((await statuses(same)).statuses, ["ok", "unchanged"]);
  assert.deepEqual((await statuses([undefined, undefined])).statuses, ["ok", "unchanged"]);
});

test("an unchanged unit is collected again when encryption begins, ends, or gets or loses a recipient", async () => {
  const [one, both] = [await ageFor(ONE), await ageFor(ONE, TWO)];
  const { statuses: seen, manifests } = await statuses([undefined, one, both, one, undefined, undefined]);
  assert.deepEqual(seen, ["ok", "ok", "ok", "ok", "ok", "unchanged"]);
  assert.deepEqual(
    manifests.map(({ units }) => units[0]?.artifacts[0]?.encryption?.recipients ?? null),
    [null, [ONE], [TWO, ONE], [ONE], null, null],
  );
  assert.equal(manifests[1]?.units[0]?.artifacts[0]?.path, "same/same.json.zst.age");
});

test("the same passphrase is known again without a word of it in the manifest; another one is told apart", async () => {
  const encryptions = [await agePassphrase("one"), await agePassphrase("one"), await agePassphrase("two")];
  const { statuses: seen, manifests } = await statuses(encryptions);
  assert.deepEqual(seen, ["ok", "unchanged", "ok"]);
  for (const { units } of manifests) {
    const [recipient = "", ...more] = units[0]?.artifacts[0]?.encryption?.recipients ?? [];
    assert.match(recipient, /^scrypt:[A-Za-z0-9+/]{22}:[A-Za-z0-9+/]{22}$/);
    assert.deepEqual(more, []);
  }
});

test("what was sealed is proved by the first run that has a key, without being collected again", async () => {
  const encryption = await ageFor(ONE);
  const { a } = await statuses([encryption, encryption]);
  const proofs = async (backup: typeof a.backup) =>
    (await verify(backup, { job: "docs", snapshot: "latest", mode: "policy" })).artifacts.map(
      ({ proof }) => proof?.level,
    );
  assert.deepEqual(await proofs(a.backup), ["sealed"]);
  const decryption: Decryption = {
    knows: () => undefined,
    // The scripted connector counts whatever comes; that it is decrypted right is shown with real keys elsewhere.
    decrypt: async function* (stored) {
      for await (const _ of stored);
      yield await zstdOf("content");
    },
    close: async () => {},
  };
  assert.deepEqual(await proofs({ ...a.backup, decryption: async () => decryption }), ["restored"]);
  assert.deepEqual(await proofs(a.backup), ["restored"], "a proof is not forgotten where the key is missing");
});

test("a key that is for an artifact and does not open it fails the run's verification, and says nothing of the snapshot", async () => {
  const { a } = await statuses([await ageFor(ONE)]);
  const opensNothing = (own: readonly string[]): Decryption => ({
    knows: (recipients) => recipients.filter((one) => own.includes(one)),
    decrypt: () =>
      failingAfter(0, new EncryptionError("SEALED", "is encrypted, and the passphrase does not open the private key")),
    close: async () => {},
  });
  const verified = (decryption: Decryption, mode: VerifyMode) =>
    verify({ ...a.backup, decryption: async () => decryption }, { job: "docs", snapshot: "latest", mode });
  const recorded = async () =>
    [...(await contentsOf(a.storage))].find(([key]) => key.endsWith("/verified.json"))?.[1].toString();
  const before = await recorded();
  await assert.rejects(
    verified(opensNothing([ONE]), "policy"),
    (error) => error instanceof EncryptionError && /^same\/\S+ is encrypted, and the passphrase/.test(error.message),
  );
  assert.equal(await recorded(), before);
  // A unit that was not collected this time may be encrypted for keys of before.
  for (const [own, mode, why] of [
    [[TWO], "policy", /^none of the private keys at hand opens it$/],
    [[ONE], "prove", /^the private key at hand belongs to it and does not open it/],
  ] as const) {
    const { ok, artifacts } = await verified(opensNothing(own), mode);
    assert.equal(ok, true);
    assert.equal(artifacts[0]?.proof?.level, "sealed");
    assert.match(artifacts[0]?.proof?.detail ?? "", why);
  }
});

async function zstdOf(text: string): Promise<Uint8Array> {
  const { zstdCompressSync } = await import("node:zlib");
  return zstdCompressSync(text);
}

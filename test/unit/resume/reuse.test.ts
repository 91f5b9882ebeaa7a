import assert from "node:assert/strict";
import { test } from "node:test";
import { openEncryption } from "../../../lib/encryption/all.ts";
import type { Decryption, Encryption } from "../../../lib/encryption/encryption.ts";
import type { Manifest } from "../../../lib/manifest.ts";
import { runJobs } from "../../../lib/run.ts";
import { verify } from "../../../lib/verify.ts";
import { aBackup } from "../../support/a-backup.ts";

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

async function zstdOf(text: string): Promise<Uint8Array> {
  const { zstdCompressSync } = await import("node:zlib");
  return zstdCompressSync(text);
}

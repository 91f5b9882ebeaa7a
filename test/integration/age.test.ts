import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { Decrypter, Encrypter } from "age-encryption";
import { bytesOf, readAll } from "../../lib/bytes.ts";
import { openDecryption, openEncryption } from "../../lib/encryption/all.ts";
import type { Encryption, EncryptionContext, PrivateKeys } from "../../lib/encryption/encryption.ts";
import { EncryptionError } from "../../lib/errors.ts";
import { aFile, ageKey, ageMissing, runAge, withTypedPassphrase } from "../support/age-program.ts";
import { collected, oddPieces, patternBytes } from "../support/bytes.ts";

/** Around one chunk, one piece of 16 chunks, and their ends. */
const SIZES = [0, 1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 3_000_000];
const LIMIT = 64 * 1024 * 1024;
const PASSPHRASE = "correct horse battery staple";

describe("age", { skip: ageMissing() }, () => {
  test("what we encrypt, the real age decrypts, whatever its length", async () => {
    const key = ageKey();
    using identity = aFile(key.text);
    const encryption = await encryptionFor([key.recipient]);
    for (const size of SIZES) {
      const plain = patternBytes(size);
      const sealed = await collected(encryption.encrypt(oddPieces(plain)));
      assert.deepEqual(runAge(["-d", "-i", identity.path], sealed), Buffer.from(plain), String(size));
    }
  });

  test("what the real age encrypts, we decrypt, whatever its length", async () => {
    const key = ageKey();
    for (const size of SIZES) {
      const plain = patternBytes(size);
      const opened = await decrypt(runAge(["-r", key.recipient], plain), { key: key.text });
      assert.deepEqual(opened, Buffer.from(plain), String(size));
    }
  });

  test("each of several recipients decrypts by itself, in both directions, and nobody else", async () => {
    const keys = [ageKey(), ageKey(), ageKey()];
    const recipients = keys.map(({ recipient }) => recipient);
    const plain = patternBytes(100_000);
    const ours = await collected((await encryptionFor(recipients)).encrypt(bytesOf(plain)));
    const theirs = runAge(
      recipients.flatMap((one) => ["-r", one]),
      plain,
    );
    for (const { text, secret } of keys) {
      using identity = aFile(text);
      assert.deepEqual(runAge(["-d", "-i", identity.path], ours), Buffer.from(plain));
      assert.deepEqual(await decrypt(theirs, { key: secret }), Buffer.from(plain));
    }
    using stranger = aFile(ageKey().text);
    assert.throws(() => runAge(["-d", "-i", stranger.path], ours), /no identity matched/);
    await assert.rejects(
      decrypt(theirs, { key: ageKey().text }),
      (error) => error instanceof EncryptionError && error.code === "SEALED",
    );
  });

  test("one file of identities may hold many, of which any opens", async () => {
    const [old, current] = [ageKey(), ageKey()];
    const sealed = runAge(["-r", current.recipient], Buffer.from("rotated"));
    assert.equal(String(await decrypt(sealed, { key: `${old.text}\n\n${current.text}` })), "rotated");
  });

  test("a passphrase that is typed into the real age opens what we made, and ours what it made", async () => {
    const encryption = await openEncryption({ type: "age", passphrase_env: "P" }, context({ P: PASSPHRASE }));
    const plain = patternBytes(70_000);
    using sealed = aFile(await collected(encryption.encrypt(bytesOf(plain))));
    withTypedPassphrase(["age", "-d", "-o", `${sealed.path}.out`, sealed.path], PASSPHRASE);
    assert.deepEqual(await readFile(`${sealed.path}.out`), Buffer.from(plain));

    using source = aFile(plain);
    withTypedPassphrase(["age", "-p", "-o", `${source.path}.age`, source.path], PASSPHRASE);
    const theirs = await readFile(`${source.path}.age`);
    assert.deepEqual(await decrypt(theirs, { passphrase: PASSPHRASE }), Buffer.from(plain));
    await assert.rejects(decrypt(theirs, { passphrase: "another" }), /none of the keys at hand/);
  });

  test("the library of age's author opens what we made, and we what it made", async () => {
    const key = ageKey();
    const plain = patternBytes(200_000);
    const decrypter = new Decrypter();
    decrypter.addIdentity(key.secret);
    const sealed = await collected((await encryptionFor([key.recipient])).encrypt(bytesOf(plain)));
    assert.deepEqual(Buffer.from(await decrypter.decrypt(sealed)), Buffer.from(plain));
    const encrypter = new Encrypter();
    encrypter.addRecipient(key.recipient);
    assert.deepEqual(await decrypt(await encrypter.encrypt(plain), { key: key.text }), Buffer.from(plain));
  });
});

const encryptionFor = (recipients: string[]): Promise<Encryption> =>
  openEncryption({ type: "age", recipients }, context({}));

async function decrypt(sealed: Uint8Array, keys: Omit<PrivateKeys, "source">): Promise<Buffer> {
  const decryption = await openDecryption("age", undefined, { ...keys, source: "the test" }, context({}));
  assert.ok(decryption !== undefined);
  return Buffer.from(await readAll(decryption.decrypt(oddPieces(sealed)), LIMIT));
}

function context(env: Readonly<Record<string, string>>): EncryptionContext {
  const resolve = async (reference: { readonly from: string; readonly name?: string }) =>
    env[reference.name ?? ""] ?? "";
  return { secrets: { resolve }, signal: new AbortController().signal };
}

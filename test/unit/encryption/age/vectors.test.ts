import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import * as vectors from "cctv-age";
import { type Bytes, bytesOf, readAll, rechunk } from "../../../../lib/bytes.ts";
import { base64Text } from "../../../../lib/encryption/age/base64.ts";
import { openFile, type Unwrap } from "../../../../lib/encryption/age/file.ts";
import { readFileStart } from "../../../../lib/encryption/age/file-start.ts";
import { headerText } from "../../../../lib/encryption/age/header.ts";
import { unwrapScrypt } from "../../../../lib/encryption/age/scrypt.ts";
import { unwrapX25519, x25519Identity } from "../../../../lib/encryption/age/x25519.ts";
import { DecryptionFault } from "../../../../lib/encryption/encryption.ts";
import { EncryptionError } from "../../../../lib/errors.ts";
import { oddPieces, sha256 } from "../../../support/bytes.ts";

/** The vectors of C2SP/CCTV, from the package of its author. Files in armor and post-quantum keys are not ours. */

interface Vector {
  readonly name: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly file: Uint8Array;
}

const ways: Readonly<Record<string, (file: Uint8Array) => Bytes>> = {
  whole: bytesOf,
  "in odd pieces": oddPieces,
  "byte by byte": (file) => rechunk(bytesOf(file), 1),
};
const all = Object.entries(vectors).map(([name, content]) => vectorOf(name, content));
const ours = all.filter(({ fields }) => !fields.has("armored") && !fields.get("identity")?.some(isPostQuantum));

test("there are as many vectors as we know of", () => {
  assert.ok(ours.length >= 85, `${ours.length} of ${all.length}`);
  for (const expected of ["success", "no match", "header failure", "HMAC failure", "payload failure"]) {
    assert.ok(
      ours.some(({ fields }) => fields.get("expect")?.[0] === expected),
      expected,
    );
  }
});

for (const vector of ours) {
  for (const [way, feed] of Object.entries(ways)) {
    // A byte at a time these take half a minute, and end in the ways that shorter ones end in.
    if (way === "byte by byte" && vector.file.byteLength > 100_000) continue;
    test(`the age vector ${vector.name}, ${way}: ${vector.fields.get("expect")?.[0]}`, async () => {
      const opened = openFile(feed(vector.file), identitiesOf(vector));
      if (vector.fields.get("expect")?.[0] === "success") {
        assert.equal(sha256(await readAll(opened, 64 * 1024 * 1024)), vector.fields.get("payload")?.[0]);
      } else {
        await assert.rejects(readAll(opened, 64 * 1024 * 1024), (error) => isExpected(error, vector));
      }
    });
  }
}

test("the header of every vector that has a right one is written as it was read", async () => {
  for (const { name, fields, file } of all) {
    if (fields.has("armored") || fields.get("expect")?.[0] === "header failure") continue;
    // These end before their payload begins.
    if (name === "stream_no_nonce" || name === "stream_short_nonce") continue;
    const { header, release } = await readFileStart(bytesOf(file));
    const text = `${headerText(header.stanzas)} ${base64Text(header.mac)}\n`;
    assert.equal(Buffer.from(file).toString("latin1", 0, text.length), text, name);
    await release();
  }
});

function vectorOf(name: string, content: Uint8Array): Vector {
  const end = Buffer.from(content).indexOf("\n\n");
  const fields = new Map<string, string[]>();
  for (const line of Buffer.from(content).toString("latin1", 0, end).split("\n")) {
    const [key = "", ...value] = line.split(": ");
    fields.set(key, [...(fields.get(key) ?? []), value.join(": ")]);
  }
  const body = content.subarray(end + 2);
  return { name, fields, file: fields.has("compressed") ? inflateSync(body) : body };
}

function identitiesOf({ fields }: Vector): readonly Unwrap[] {
  const keys = (fields.get("identity") ?? []).map((text): Unwrap => {
    const identity = x25519Identity(text);
    assert.ok(identity !== undefined, text);
    return (stanza) => unwrapX25519(stanza, identity);
  });
  const passphrases = (fields.get("passphrase") ?? []).map(
    (passphrase): Unwrap =>
      (stanza) =>
        unwrapScrypt(stanza, passphrase),
  );
  return [...keys, ...passphrases];
}

function isExpected(error: unknown, { fields }: Vector): boolean {
  switch (fields.get("expect")?.[0]) {
    case "no match":
      return error instanceof EncryptionError && error.code === "SEALED";
    case "HMAC failure":
      return error instanceof DecryptionFault && /changed header/.test(error.message);
    case "payload failure":
      return error instanceof DecryptionFault && /chunk|ends in its header/.test(error.message);
    default:
      return error instanceof DecryptionFault && !/chunk|changed header/.test(error.message);
  }
}

function isPostQuantum(identity: string): boolean {
  return identity.startsWith("AGE-SECRET-KEY-PQ-");
}

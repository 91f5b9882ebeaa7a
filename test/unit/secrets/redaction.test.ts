import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRedaction } from "../../../lib/secrets/redaction.ts";

function knowing(...values: string[]) {
  const redaction = createRedaction();
  for (const value of values) redaction.add(value);
  return redaction;
}

test("every occurrence of every known value becomes three asterisks", () => {
  const { redact } = knowing("hunter22", "s3cr3t/+value");
  assert.equal(redact("hunter22, hunter22 and s3cr3t/+value"), "***, *** and ***");
});

test("text without a known value stays as it is, and an empty value is no secret", () => {
  const { redact } = knowing("", "hunter22");
  assert.equal(redact("nothing to hide"), "nothing to hide");
  assert.equal(redact(""), "");
});

test("of a value that contains another the whole is taken out, whichever was added first", () => {
  assert.equal(knowing("secret", "secret-and-more").redact("<secret-and-more>"), "<***>");
  assert.equal(knowing("secret-and-more", "secret").redact("<secret-and-more>"), "<***>");
});

test("of two values that overlap in the text nothing is left", () => {
  assert.equal(knowing("abcdef", "defghi").redact("<abcdefghi>"), "<***>");
});

test("a value that overlaps itself in the text leaves nothing", () => {
  assert.equal(knowing("abcabc").redact("<abcabcabc>"), "<***>");
});

test("a URL-encoded value is taken out, in each way of writing its escapes", () => {
  const { redact } = knowing("pä ss/w(o)rd?");
  const strict = "p%C3%A4%20ss%2Fw%28o%29rd%3F";
  for (const form of [
    encodeURIComponent("pä ss/w(o)rd?"),
    strict,
    strict.toLowerCase(),
    "p%C3%A4+ss%2Fw%28o%29rd%3F",
  ]) {
    assert.equal(redact(`https://host/?q=${form}&r=1`), "https://host/?q=***&r=1", form);
  }
});

test("a value is taken out of JSON, and of JSON quoted within JSON", () => {
  const value = 'quote " backslash \\ and\ttab';
  const { redact } = knowing(value);
  assert.equal(redact(JSON.stringify({ value })), '{"value":"***"}');
  assert.equal(redact(JSON.stringify(JSON.stringify({ value }))), '"{\\"value\\":\\"***\\"}"');
});

test("a value inside base64 is taken out wherever it begins, so also as the password of basic authentication", () => {
  const { redact } = knowing("Tr0ub4dor&3÷");
  for (const before of ["", "u:", "us:", "user:", "Authorization"]) {
    for (const encoding of ["base64", "base64url"] as const) {
      const encoded = Buffer.from(`${before}Tr0ub4dor&3÷ and more`).toString(encoding);
      const redacted = redact(encoded);
      assert.match(redacted, /\*\*\*/, `${before} ${encoding}`);
      assert.equal(Buffer.from(redacted, encoding).includes("0ub4dor"), false, `${before} ${encoding}`);
    }
  }
});

test("a short value is taken out where it stands alone, and not within words", () => {
  const { redact } = knowing("db", "7");
  assert.equal(redact("password=db user=dbadmin port=27017 x=7"), "password=*** user=dbadmin port=27017 x=***");
});

test("the lines of a private key are secret each, its first and last are not", () => {
  const key = `-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\nCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----`;
  const { redact } = knowing(key);
  assert.equal(redact(`bad line: CCqGSM49AwEHBG0wawIBAQQg`), "bad line: ***");
  assert.equal(redact("expected -----BEGIN PRIVATE KEY-----"), "expected -----BEGIN PRIVATE KEY-----");
  assert.equal(redact(key), "***");
});

test("the password within a URL is secret by itself, encoded or not", () => {
  const { redact } = knowing("mongodb://backup:p%40ssw0rd@one:27017,two:27017/admin");
  assert.equal(
    redact("auth failed for backup with p@ssw0rd (p%40ssw0rd) at one:27017"),
    "auth failed for backup with *** (***) at one:27017",
  );
});

test("what is long in the query or the path of an address is secret by itself, as it stands there and decoded", () => {
  const { redact } = knowing(
    "https://example.com/hook/aVeryLongSegment%21?v=1&sig=canary%2Bsig%3D",
    "https://h/?canary-key",
  );
  const said = "bad sig canary+sig=, canary%2Bsig%3D; no canary-key; v 1: aVeryLongSegment! aVeryLongSegment%21 /hook";
  assert.equal(redact(said), "bad sig ***, ***; no ***; v 1: *** *** /hook");
});

test("the path of a webhook's address is secret by itself, and the short one of another is not", () => {
  const { redact } = knowing("https://hooks.slack.com/services/T012/B345/x9Yz?wait=1", "https://example.com/hook");
  const said =
    "The requested URL /services/T012/B345/x9Yz was not found; GET /services/T012/B345/x9Yz?wait=1; /hook; hooks.slack.com";
  assert.equal(redact(said), "The requested URL *** was not found; GET ***; /hook; hooks.slack.com");
});

test("a URL without a password adds nothing but itself", () => {
  const { redact } = knowing("https://example.com:8443/a@b");
  assert.equal(redact("example.com:8443 a@b"), "example.com:8443 a@b");
});

test("whatever the values and the text around them, no value of four characters or more is left", () => {
  const secret = fc.string({ minLength: 4, unit: "grapheme" });
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.array(fc.string()), (secrets, around) => {
      const { redact } = knowing(...secrets);
      const text = secrets.map((value, index) => `${around[index] ?? ""}${value}`).join("");
      const left = redact(text);
      // "***" itself may be part of what was added.
      return secrets.every(
        (value) => /^[*]+$/.test(value) || !left.replaceAll("***", "\0").includes(value) || value.includes("\0"),
      );
    }),
  );
});

test("a lone surrogate in a value is no reason to fail", () => {
  assert.equal(knowing("ab\ud800cd").redact("<ab\ud800cd>"), "<***>");
});

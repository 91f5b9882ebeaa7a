import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IntegrityError } from "../../lib/errors.ts";
import { checkSeal, sealed } from "../../lib/seal.ts";

test("what was sealed is known again after it went through JSON, however it was written there", () => {
  const documents = fc.dictionary(fc.string(), fc.jsonValue()).filter((value) => !("seal" in value));
  fc.assert(
    fc.property(documents, (value) => {
      checkSeal(JSON.parse(JSON.stringify(sealed({ ...value, absent: undefined }))), "here");
      checkSeal(JSON.parse(JSON.stringify(sealed(value), null, 2)), "here");
    }),
  );
});

test("any other bit is refused, naming where it lies", () => {
  const text = Buffer.from(JSON.stringify(sealed({ id: "org/app", n: 1, items: ["a", { b: null }] })));
  let refused = 0;
  for (let bit = 0; bit < text.byteLength * 8; bit += 1) {
    const changed = Buffer.from(text);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    let value: unknown;
    try {
      value = JSON.parse(changed.toString());
    } catch {
      continue;
    }
    // A seal by another name is for the schema to refuse: it takes no name that it does not know.
    if (!Object.hasOwn(Object(value), "seal")) continue;
    assert.throws(
      () => checkSeal(value, "j/1.json"),
      (error) => error instanceof IntegrityError && /j\/1\.json/.test(error.message),
    );
    refused += 1;
  }
  assert.ok(refused > 100, `only ${refused} changes parsed`);
});

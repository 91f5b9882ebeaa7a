import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bech32Decode, bech32Encode } from "../../../../lib/encryption/age/bech32.ts";

test("the valid strings of BIP 173 are read, and the invalid ones refused", () => {
  const valid = [
    "A12UEL5L",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    "?1ezyfcl",
  ];
  for (const text of valid) {
    const decoded = bech32Decode(text);
    // Strings whose groups are no whole bytes are right for BIP 173, and no keys.
    if (decoded !== undefined) assert.equal(bech32Encode(decoded.prefix, decoded.bytes), text.toLowerCase());
  }
  assert.deepEqual(bech32Decode("A12UEL5L"), { prefix: "a", bytes: new Uint8Array(0) });
  const invalid = [
    "\u00201nwldj5",
    "pzry9x0s0muk",
    "1pzry9x0s0muk",
    "x1b4n0q5v",
    "li1dgmt3",
    "A1G7SGD8",
    "10a06t8",
    "1qzzfhee",
    "A12uEL5L",
    "",
  ];
  for (const text of invalid) assert.equal(bech32Decode(text), undefined, text);
});

test("any bytes come back, and one changed character does not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), (bytes, n) => {
      const text = bech32Encode("age", bytes);
      assert.deepEqual(bech32Decode(text), { prefix: "age", bytes });
      const at = 4 + (n % (text.length - 4));
      const other = text[at] === "q" ? "p" : "q";
      assert.equal(bech32Decode(text.slice(0, at) + other + text.slice(at + 1)), undefined);
    }),
  );
});

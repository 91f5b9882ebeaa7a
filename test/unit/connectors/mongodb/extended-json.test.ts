import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { extendedJson } from "../../../../lib/connectors/mongodb/extended-json.ts";
import { documentOfEveryType, everyBsonType } from "../../../support/every-bson-type.ts";

const jsonOf = (value: unknown) => extendedJson(BSON.serialize({ v: value }));

for (const [name, value] of Object.entries(everyBsonType)) {
  test(`${name}: the canonical form reads back to the same bytes`, () => {
    const bytes = BSON.serialize({ v: value });
    const read = BSON.EJSON.parse(extendedJson(bytes), { relaxed: false });
    // A JavaScript object cannot keep this order, and the driver knows no code with a scope that is a document.
    if (name === "keys like numbers") return;
    assert.deepEqual(Buffer.from(BSON.serialize(read)), Buffer.from(bytes));
  });
}

test("keys keep their order, also those that look like numbers", () => {
  const key = new Map([
    ["b", new BSON.Int32(1)],
    ["0", new BSON.Int32(-1)],
  ]);
  assert.equal(jsonOf(key), '{"v":{"b":{"$numberInt":"1"},"0":{"$numberInt":"-1"}}}');
});

test("numbers keep their types, and doubles are written as the tools write them", () => {
  const written = (value: number) => jsonOf(new BSON.Double(value)).slice('{"v":{"$numberDouble":"'.length, -3);
  const cases: readonly [number, string][] = [
    [1, "1.0"],
    [-180, "-180.0"],
    [0.5, "0.5"],
    [-0, "-0.0"],
    [100_000, "100000.0"],
    [123_456.5, "123456.5"],
    [1_000_000, "1E+06"],
    [1_234_567.5, "1.2345675E+06"],
    [0.0001, "0.0001"],
    [0.000_012, "1.2E-05"],
    [1e300, "1E+300"],
    [Number.NaN, "NaN"],
  ];
  for (const [value, text] of cases) assert.equal(written(value), text);
});

test("nothing but what JSON demands is escaped", () => {
  assert.equal(jsonOf("<a href='x'>&\u2028\u0001\"\\"), '{"v":"<a href=\'x\'>&\\u2028\\u0001\\"\\\\"}');
});

test("types that no driver writes any more are written too", () => {
  const json = extendedJson(documentOfEveryType(1));
  assert.match(json, /"undefined":\{"\$undefined":true\}/);
  assert.match(json, /"pointer":\{"\$dbPointer":\{"\$ref":"a\.b","\$id":\{"\$oid":"0123456789abcdef01234567"\}\}\}/);
  assert.doesNotThrow(() => JSON.parse(json));
});

test("decimals are written as the driver writes them", () => {
  for (const text of [
    "0",
    "-0",
    "0E-6176",
    "1",
    "0.001",
    "12.50",
    "1E+3",
    "1.234E-10",
    "9.999E+6144",
    "-1E-7",
    "0.000001",
  ]) {
    const decimal = BSON.Decimal128.fromString(text);
    assert.equal(jsonOf(decimal), `{"v":{"$numberDecimal":"${decimal.toString()}"}}`);
  }
});

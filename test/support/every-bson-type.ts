import { BSON } from "mongodb";

const {
  Binary,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  BSONRegExp,
  BSONSymbol,
  Timestamp,
} = BSON;

/** A value of every type that the driver can write, by a name that says what is odd about it. */
export const everyBsonType: Readonly<Record<string, unknown>> = {
  double: new Double(1),
  "double of many digits": new Double(0.1 + 0.2),
  "double, large": new Double(123_456_789),
  "double, tiny": new Double(5e-324),
  "double, minus zero": new Double(-0),
  "double, not a number": new Double(Number.NaN),
  "double, infinite": new Double(Number.NEGATIVE_INFINITY),
  string: 'Ünï "quoted" \\ \n\t\b\f\u0001 \u2028 😀',
  "string with NUL": "a\0b",
  "string, empty": "",
  document: { "": 1, "a.b": { $c: [] } },
  "keys like numbers": new Map<string, unknown>([
    ["b", 1],
    ["10", 2],
    ["0", 3],
  ]),
  array: [new Int32(1), [new Long(2), { x: null }]],
  "binary 0": new Binary(Buffer.from([1, 2, 255]), 0),
  "binary 2": new Binary(Buffer.from("old"), 2),
  "binary 3": new Binary(Buffer.alloc(16, 3), 3),
  "binary 4": new Binary(Buffer.alloc(16, 4), 4),
  "binary 5": new Binary(Buffer.alloc(16, 5), 5),
  "binary 128": new Binary(Buffer.alloc(0), 128),
  "object id": new ObjectId("0123456789abcdef01234567"),
  yes: true,
  no: false,
  date: new Date("2026-11-26T03:00:00.123Z"),
  "date before 1970": new Date(-1),
  null: null,
  regex: new BSONRegExp('^a/b"', "ims"),
  "db reference": new DBRef("users", new ObjectId("0123456789abcdef01234567")),
  code: new Code("function () { return '</script>' }"),
  "code with scope": new Code("x", { x: new Int32(1) }),
  symbol: new BSONSymbol("sym"),
  "int 32": new Int32(-2_147_483_648),
  timestamp: new Timestamp({ t: 4_294_967_295, i: 4_294_967_294 }),
  "int 64": Long.fromString("-9223372036854775808"),
  "decimal, whole": Decimal128.fromString("12.50"),
  "decimal, scientific": Decimal128.fromString("1E+3"),
  "decimal, small": Decimal128.fromString("-0.0000001"),
  "decimal, longest": Decimal128.fromString("9999999999999999999999999999999999E+6111"),
  "decimal, not a number": Decimal128.fromString("NaN"),
  "decimal, infinite": Decimal128.fromString("-Infinity"),
  "min key": new MinKey(),
  "max key": new MaxKey(),
};

/** Elements of the two types that the driver reads and does not write: undefined, and a pointer to a document. */
const RETIRED = Buffer.concat([
  Buffer.from("\x06undefined\0", "latin1"),
  Buffer.from("\x0cpointer\0\x04\0\0\0a.b\0", "latin1"),
  Buffer.from("0123456789abcdef01234567", "hex"),
]);

/** A document with all of them, and the two that no driver writes any more. */
export function documentOfEveryType(id: number): Buffer {
  const bytes = Buffer.from(BSON.serialize({ _id: new Int32(id), ...everyBsonType }));
  const whole = Buffer.concat([bytes.subarray(0, -1), RETIRED, Buffer.alloc(1)]);
  whole.writeInt32LE(whole.byteLength);
  return whole;
}

import { BsonType, bsonElements } from "./bson-read.ts";
import { decimal128Text } from "./decimal128.ts";

/**
 * A BSON document as canonical Extended JSON v2 in one line, as mongodump writes it into an archive's metadata. It is made
 * from the bytes, because a JavaScript object would move keys like "0" to the front and make 1.0 an integer.
 * @throws BsonFault
 */
export function extendedJson(document: Uint8Array): string {
  const members = Array.from(
    bsonElements(document),
    ({ type, name, value }) => `${jsonText(name)}:${json(type, value)}`,
  );
  return `{${members.join(",")}}`;
}

/** A string as the tools write it: only what JSON must have escaped, and the two separators that JavaScript once forbade. */
export function jsonText(text: string): string {
  const escaped = JSON.stringify(text.toWellFormed());
  return escaped.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function json(type: number, value: Buffer): string {
  switch (type) {
    case BsonType.double:
      return wrapped("$numberDouble", doubleText(value.readDoubleLE()));
    case BsonType.string:
      return jsonText(stringAt(value));
    case BsonType.document:
      return extendedJson(value);
    case BsonType.array:
      return `[${Array.from(bsonElements(value), (element) => json(element.type, element.value)).join(",")}]`;
    case BsonType.binary:
      return binaryJson(value);
    case BsonType.undefined:
      return '{"$undefined":true}';
    case BsonType.objectId:
      return wrapped("$oid", value.toString("hex"));
    case BsonType.boolean:
      return value[0] === 1 ? "true" : "false";
    case BsonType.date:
      return `{"$date":${wrapped("$numberLong", String(value.readBigInt64LE()))}}`;
    case BsonType.null:
      return "null";
    case BsonType.regex:
      return regexJson(value);
    case BsonType.dbPointer:
      return `{"$dbPointer":{"$ref":${jsonText(stringAt(value))},"$id":${wrapped("$oid", value.toString("hex", value.byteLength - 12))}}}`;
    case BsonType.code:
      return wrapped("$code", stringAt(value));
    case BsonType.symbol:
      return wrapped("$symbol", stringAt(value));
    case BsonType.codeWithScope:
      return `{"$code":${jsonText(stringAt(value, 4))},"$scope":${extendedJson(value.subarray(8 + value.readInt32LE(4)))}}`;
    case BsonType.int32:
      return wrapped("$numberInt", String(value.readInt32LE()));
    case BsonType.timestamp:
      return `{"$timestamp":{"t":${value.readUInt32LE(4)},"i":${value.readUInt32LE(0)}}}`;
    case BsonType.int64:
      return wrapped("$numberLong", String(value.readBigInt64LE()));
    case BsonType.decimal128:
      return wrapped("$numberDecimal", decimal128Text(value));
    case BsonType.minKey:
      return '{"$minKey":1}';
    case BsonType.maxKey:
      return '{"$maxKey":1}';
    default:
      throw new Error(`bsonElements let the type ${type} pass`);
  }
}

const wrapped = (key: string, text: string) => `{"${key}":${jsonText(text)}}`;

function stringAt(value: Buffer, at = 0): string {
  return value.toString("utf8", at + 4, at + 4 + value.readInt32LE(at) - 1);
}

/** Shortest digits that read back the same; an exponent from a million on, as Go's `%G` writes. */
function doubleText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 6) {
    return `${digits}E${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const plain = plainDigits(digits, power);
  return plain.includes(".") ? plain : `${plain}.0`;
}

/** `toString` goes over to an exponent at other places than Go does. */
function plainDigits(digits: string, power: number): string {
  const sign = digits.startsWith("-") ? "-" : "";
  const all = digits.replace(/[-.]/g, "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${all}`;
  const whole = all.slice(0, power + 1).padEnd(power + 1, "0");
  const rest = all.slice(power + 1);
  return rest === "" ? sign + whole : `${sign}${whole}.${rest}`;
}

function binaryJson(value: Buffer): string {
  const subType = value.readUInt8(4);
  // Subtype 2 has its length a second time inside, which is not part of the data.
  const data = value.subarray(subType === 2 && value.byteLength >= 9 ? 9 : 5);
  return `{"$binary":{"base64":"${data.toString("base64")}","subType":"${subType.toString(16).padStart(2, "0")}"}}`;
}

function regexJson(value: Buffer): string {
  const end = value.indexOf(0);
  const options = [...value.toString("utf8", end + 1, value.byteLength - 1)].sort().join("");
  return `{"$regularExpression":{"pattern":${jsonText(value.toString("utf8", 0, end))},"options":${jsonText(options)}}}`;
}

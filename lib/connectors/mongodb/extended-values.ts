import type { BSON, Document } from "mongodb";
import type { OrderedJson } from "./ordered-json.ts";

type BsonTypes = typeof BSON;

/** What the driver sends as it stands in canonical Extended JSON: numbers of their own types, members in their order. */
export function extendedValue(json: OrderedJson, types: BsonTypes): unknown {
  if (Array.isArray(json)) return json.map((item) => extendedValue(item, types));
  if (!(json instanceof Map)) return json;
  const [first] = json.keys();
  if (first?.startsWith("$") === true && isWrapper(first, json)) return wrapped(json, types);
  return new Map([...json].map(([key, value]) => [key, extendedValue(value, types)]));
}

const WRAPPERS = new Set([
  ...["$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$oid", "$date", "$binary", "$timestamp"],
  ...["$regularExpression", "$code", "$symbol", "$minKey", "$maxKey", "$undefined", "$dbPointer"],
]);

/** A query may begin with an operator that looks alike only in part, so the number of members counts too. */
const isWrapper = (first: string, json: ReadonlyMap<string, OrderedJson>) =>
  WRAPPERS.has(first) && (json.size === 1 || (first === "$code" && json.size === 2));

/** Plain objects are safe here: the members of these are known. */
function wrapped(json: ReadonlyMap<string, OrderedJson>, types: BsonTypes): unknown {
  return types.EJSON.deserialize(plain(json) as Document, { relaxed: false });
}

function plain(json: OrderedJson): unknown {
  if (Array.isArray(json)) return json.map(plain);
  return json instanceof Map ? Object.fromEntries([...json].map(([key, value]) => [key, plain(value)])) : json;
}

import { BSON } from "mongodb";
import type { Answer, Command } from "./scripted-mongo.ts";

/** What a server answers whose oplog holds these entries, each asked for as the oldest, as the newest, or with all. */
export function scriptedOplog(
  entries: readonly Uint8Array[],
  oldest: Uint8Array | undefined = entries[0],
): (command: Command) => Answer {
  return ({ name, body }) => {
    if (name !== "find" || body.find !== "oplog.rs") return undefined;
    const last = body.sort?.$natural === -1 ? entries.at(-1) : oldest;
    const found = body.sort === undefined ? entries : last === undefined ? [] : [last];
    return {
      cursor: { id: new BSON.Long(0), ns: "local.oplog.rs", firstBatch: found.map((one) => BSON.deserialize(one)) },
    };
  };
}

import { BsonFault } from "./bson-read.ts";
import { type TokenReader, tokenReader } from "./tokens.ts";

/** An entry of the oplog may be longer than a document: a change of one beside what it was. */
const MAX_ENTRY_BYTES = 33 * 1024 * 1024;
const SMALLEST_DOCUMENT = 5;

/** Documents one behind the other, as in a `.bson` file. @throws BsonFault from `push` and `end` */
export function documentParser(onDocument: (document: Buffer) => void): Pick<TokenReader, "push"> & { end(): void } {
  const reader = tokenReader((bytes, at) => {
    const length = bytes.readInt32LE(at);
    if (length < SMALLEST_DOCUMENT || length > MAX_ENTRY_BYTES) throw new BsonFault(`a document of ${length} bytes`);
    return length;
  }, onDocument);
  return {
    push: reader.push,
    end() {
      if (!reader.isBetween()) throw new BsonFault("it ends within a document");
    },
  };
}

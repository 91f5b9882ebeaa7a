import { type Bytes, measure } from "../../bytes.ts";
import { SourceError, TransientError } from "../../errors.ts";
import type { Facts, Item } from "../connector.ts";
import { unchangedItem } from "./unchanged-item.ts";

export const FILE = "application/octet-stream";

/** A file that is stored as it is. */
export interface StoredFile {
  /** Ends in `.bin`. */
  readonly name: string;
  readonly what: string;
  /** What the source says of it, where it does; its bytes are held to it. */
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
  /** Its digest alone tells that it is whole, whatever size is said. */
  readonly isByDigest?: boolean;
  readonly facts: Facts;
  readonly unchanged: boolean | "salvage";
  open(): Bytes;
}

/** Another length is an answer that was cut, another digest is damage. */
export function fileItem(file: StoredFile): Item {
  let facts: Facts | undefined;
  async function* open(): Bytes {
    facts = undefined;
    const measured = measure(file.open());
    yield* measured.bytes;
    const { bytes, sha256 } = measured.result();
    const isIt = file.isByDigest === true && file.sha256 === sha256;
    if (!isIt && file.bytes !== undefined && bytes !== file.bytes)
      throw new TransientError("SOURCE_TRUNCATED", `${file.what} came with ${bytes} bytes instead of ${file.bytes}`);
    if (file.sha256 !== undefined && file.sha256 !== sha256)
      throw new SourceError("SOURCE_CORRUPT", `${file.what} does not have the SHA-256 that GitHub says`);
    facts = { bytes, sha256, ...file.facts };
  }
  const item: Item = {
    name: file.name,
    contentType: FILE,
    compress: false,
    restore: `cat {}`,
    open,
    facts() {
      if (facts === undefined) throw new Error(`${file.name} was asked for its facts before its last byte`);
      return facts;
    },
  };
  return file.unchanged === false ? item : unchangedItem(item, file.unchanged);
}

import { readBlockHeader, readCollection, readHead } from "./archive-documents.ts";
import { archiveFault, archiveTruncated } from "./archive-fault.ts";
import {
  type ArchivedCollection,
  type ArchiveHead,
  type BlockHeader,
  MAGIC,
  MAX_DOCUMENT_BYTES,
  TERMINATOR,
} from "./archive-format.ts";
import { type ArchiveNamespace, archiveNamespaces } from "./archive-namespaces.ts";
import { BsonFault, checkBson } from "./bson-read.ts";
import { tokenReader } from "./tokens.ts";

/** Hears what an archive holds, as it is read. Bytes are valid until the next `push`. */
export interface ArchiveVisitor {
  prelude?(head: ArchiveHead, collections: readonly ArchivedCollection[]): void;
  /** A block begins; with `isEnd` it is the one that ends the namespace, whose CRC has been compared. */
  block?(header: BlockHeader): void;
  document?(namespace: ArchiveNamespace, bytes: Buffer): void;
}

export interface ArchiveParser {
  /** @throws SourceError `SOURCE_CORRUPT` for whatever mongorestore would refuse, or wait on for ever */
  push(chunk: Uint8Array): void;
  /** After the last byte: what the archive holds. @throws TransientError `SOURCE_TRUNCATED` */
  end(): ArchiveSummary;
}

export interface ArchiveSummary {
  readonly head: ArchiveHead;
  readonly namespaces: readonly ArchiveNamespace[];
}

export interface ArchiveParserOptions {
  /** Look into every document, not only at its ends. */
  readonly deep: boolean;
}

const SMALLEST_DOCUMENT = 5;

/** Reads an archive that comes in pieces of any size, and holds at most one document of it. */
export function archiveParser({ deep }: ArchiveParserOptions, visitor: ArchiveVisitor = {}): ArchiveParser {
  let expected: "magic" | "head" | "collection" | "header" | "documents" = "magic";
  let head: ArchiveHead | undefined;
  const collections: ArchivedCollection[] = [];
  let namespaces = archiveNamespaces([], 0);
  let open: ArchiveNamespace | undefined;
  function token(bytes: Buffer): void {
    if (expected === "magic") readMagic(bytes);
    else if (bytes.byteLength === 4) readTerminator();
    else if (expected === "head") {
      head = readHead(bytes);
      expected = "collection";
    } else if (expected === "collection") collections.push(readCollection(bytes));
    else if (expected === "header") readHeader(bytes);
    else readDocument(bytes);
  }

  function readMagic(bytes: Buffer): void {
    if (bytes.readUInt32LE() !== MAGIC) throw archiveFault("it does not begin as an archive of mongodump does");
    expected = "head";
  }

  function readTerminator(): void {
    if (expected === "documents") expected = "header";
    else if (expected === "collection" && head !== undefined) {
      namespaces = archiveNamespaces(collections, head.concurrentCollections);
      visitor.prelude?.(head, collections);
      expected = "header";
    } else throw archiveFault("a block without a header");
  }

  function readHeader(bytes: Buffer): void {
    const header = readBlockHeader(bytes);
    open = namespaces.header(header);
    visitor.block?.(header);
    expected = "documents";
  }

  function readDocument(bytes: Buffer): void {
    if (open === undefined || open.ended) throw archiveFault("documents in the block that ends a namespace");
    if (bytes[bytes.byteLength - 1] !== 0)
      throw archiveFault(`a document of ${open.text} does not end with a zero byte`);
    if (deep) checkDocument(bytes, open);
    namespaces.document(open, bytes);
    visitor.document?.(open, bytes);
  }

  /** Bytes of the token that begins with these four. */
  function lengthOf(bytes: Buffer, at: number): number {
    if (expected === "magic") return 4;
    const length = bytes.readInt32LE(at);
    if (length === TERMINATOR) return 4;
    if (length < SMALLEST_DOCUMENT || length > MAX_DOCUMENT_BYTES) {
      throw archiveFault(`a document of ${length} bytes${open === undefined ? "" : ` after those of ${open.text}`}`);
    }
    return length;
  }

  const reader = tokenReader(lengthOf, token);
  return {
    push: reader.push,
    end() {
      if (head === undefined || expected === "magic" || expected === "head" || expected === "collection")
        throw archiveTruncated("before its first block");
      if (!reader.isBetween() || expected === "documents") throw archiveTruncated(`in ${open?.text ?? "a header"}`);
      return { head, namespaces: namespaces.finished() };
    },
  };
}

function checkDocument(bytes: Buffer, { text }: ArchiveNamespace): void {
  try {
    checkBson(bytes);
  } catch (error) {
    if (!(error instanceof BsonFault)) throw error;
    throw archiveFault(`a document of ${text} is no BSON: ${error.message}`, error);
  }
}

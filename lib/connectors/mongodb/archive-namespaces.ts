import { archiveFault } from "./archive-fault.ts";
import {
  type ArchivedCollection,
  type BlockHeader,
  BUCKETS,
  isOplog,
  isSpecial,
  namespaceKey,
  namespaceText,
} from "./archive-format.ts";
import { type Crc64, crc64 } from "./crc64.ts";

/** One collection of an archive and what has come of it so far. */
export interface ArchiveNamespace {
  readonly collection: ArchivedCollection;
  /** `db.collection`, for people. */
  readonly text: string;
  readonly documents: number;
  readonly bytes: number;
  readonly ended: boolean;
}

interface Namespace {
  readonly collection: ArchivedCollection;
  readonly text: string;
  readonly crc: Crc64;
  /** The name that its headers have had: a time series may stand under that of its buckets. */
  header: string | undefined;
  documents: number;
  bytes: number;
  ended: boolean;
}

export interface ArchiveNamespaces {
  /** The namespace that a block is of. @throws SourceError `SOURCE_CORRUPT` when the block should not be there, or its CRC is another */
  header(header: BlockHeader): Namespace;
  document(namespace: ArchiveNamespace, bytes: Buffer): void;
  /** @throws SourceError `SOURCE_CORRUPT` unless each namespace has been ended */
  finished(): readonly ArchiveNamespace[];
}

/** The rules about which blocks may follow each other. */
export function archiveNamespaces(collections: readonly ArchivedCollection[], concurrent: number): ArchiveNamespaces {
  const byKey = new Map<string, Namespace>();
  for (const collection of collections) {
    const key = namespaceKey(collection);
    const text = namespaceText(collection);
    if (byKey.has(key)) throw archiveFault(`${text} is announced twice`);
    byKey.set(key, { collection, text, crc: crc64(), header: undefined, documents: 0, bytes: 0, ended: false });
  }
  let open = 0;
  let ordinaryBegun = false;
  let oplogBegun = false;

  function find(header: BlockHeader): Namespace {
    const found = byKey.get(namespaceKey(header)) ?? byKey.get(namespaceKey(seriesOf(header)));
    if (found === undefined) throw archiveFault(`${namespaceText(header)} is not announced in its prelude`);
    if (found.header !== undefined && found.header !== header.collection)
      throw archiveFault(`${found.text} comes under two names`);
    return found;
  }

  function begin(namespace: Namespace, header: BlockHeader): void {
    namespace.header = header.collection;
    open += 1;
    if (open > concurrent) throw archiveFault(`${open} namespaces are open at once where it announces ${concurrent}`);
    if (oplogBegun) throw archiveFault(`${namespace.text} begins after the oplog`);
    if (isOplog(header)) oplogBegun = true;
    else if (!isSpecial(header)) ordinaryBegun = true;
    else if (ordinaryBegun) throw archiveFault(`${namespace.text} begins after an ordinary collection`);
  }

  function end(namespace: Namespace, { crc }: BlockHeader): void {
    const is = namespace.crc.value();
    if (is !== crc) throw archiveFault(`the CRC of ${namespace.text} is ${hex(is)} instead of ${hex(crc)}`);
    namespace.ended = true;
    open -= 1;
  }

  return {
    header(header) {
      const namespace = find(header);
      if (namespace.ended) throw archiveFault(`${namespace.text} goes on after its end`);
      if (namespace.header === undefined) begin(namespace, header);
      if (header.isEnd) end(namespace, header);
      else if (header.crc !== 0n) throw archiveFault(`a block of ${namespace.text} has a CRC before its end`);
      return namespace;
    },
    document(namespace, bytes) {
      const known = byKey.get(namespaceKey(namespace.collection));
      if (known === undefined) throw new Error(`${namespace.text} is of another archive`);
      known.crc.update(bytes);
      known.documents += 1;
      known.bytes += bytes.byteLength;
    },
    finished() {
      const all = [...byKey.values()];
      const missing = all.find(({ ended }) => !ended);
      if (missing !== undefined) throw archiveFault(`${missing.text} is announced but never ended`);
      return all;
    },
  };
}

function seriesOf({ db, collection }: BlockHeader): { db: string; collection: string } {
  return { db, collection: collection.startsWith(BUCKETS) ? collection.slice(BUCKETS.length) : collection };
}

const hex = (crc: bigint): string => BigInt.asUintN(64, crc).toString(16).padStart(16, "0");

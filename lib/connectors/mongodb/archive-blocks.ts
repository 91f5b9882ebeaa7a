import { blockHeaderBytes, type NamespaceName, terminator } from "./archive-format.ts";
import { crc64 } from "./crc64.ts";

/** Writes what an archive holds of one namespace. */
export interface NamespaceBlocks {
  /** Whole documents, one behind the other. */
  block(documents: Uint8Array): readonly Uint8Array[];
  /** The last block, with the CRC of all. Nothing may follow. */
  end(): Uint8Array;
}

/** A namespace without documents gets an empty block before its end, as mongodump writes it. */
export function namespaceBlocks(header: NamespaceName): NamespaceBlocks {
  const crc = crc64();
  const head = blockHeaderBytes({ ...header, isEnd: false, crc: 0n });
  let isEmpty = true;
  return {
    block(documents) {
      isEmpty = false;
      crc.update(documents);
      return [head, documents, terminator];
    },
    end() {
      const last = [blockHeaderBytes({ ...header, isEnd: true, crc: crc.value() }), terminator];
      return Buffer.concat(isEmpty ? [head, terminator, ...last] : last);
    },
  };
}

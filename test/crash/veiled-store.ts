import { bytesOf, readAll } from "../../lib/bytes.ts";
import type { Encryption } from "../../lib/encryption/encryption.ts";
import { veiledKeys } from "../../lib/encryption/veil/keys.ts";
import { veiledStorage } from "../../lib/encryption/veil/veiled-storage.ts";
import { IntegrityError } from "../../lib/errors.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import type { Image } from "./image.ts";
import type { StoreKind } from "./stores.ts";

const KEY = new Uint8Array(32).fill(9);
/** What lies there for the private key's owner alone. */
const FOR_OWNER = /[/](names[.]tsv|manifest[.]json)[.]age$/;

/** In the clear here: they are objects like others, and X25519 would take longer than all the rest. */
const ownersCopy: Encryption = {
  type: "age",
  recipients: [],
  isFor: async () => true,
  encrypt: (plain) => plain,
  restoreCommand: () => "",
  close: async () => {},
};
const up = (storage: Storage): Storage =>
  veiledStorage(storage, { key: KEY, isWriting: true, encryption: async () => ownersCopy });

/** As with `encrypt_manifest`: each call beneath the veil can fail, and what is judged is what the names key opens. */
export const veiledInMemory: StoreKind = {
  name: "memory, veiled",
  async open(image) {
    const storage = memoryStorage();
    const veiled = up(storage);
    for (const [key, content] of image) await veiled.put(key, bytesOf(content));
    return {
      storage: veiled,
      beneath: { storage, up, nameOf: veiledKeys(KEY).realKey },
      image: () => imageOf(veiled),
      async [Symbol.asyncDispose]() {},
    };
  },
};

/** What was damaged does not open: it counts as what it is, and not as nothing. */
async function imageOf(veiled: Storage): Promise<Image> {
  const image = new Map<string, Uint8Array>();
  for await (const { key } of veiled.list("")) {
    if (FOR_OWNER.test(key)) continue;
    try {
      image.set(key, await readAll(await veiled.get(key), Number.POSITIVE_INFINITY));
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      image.set(key, Buffer.from(`damaged: ${error.message}`));
    }
  }
  return image;
}

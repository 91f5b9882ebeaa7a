import { bytesOf, readAll } from "../../lib/bytes.ts";
import { veiledKeys } from "../../lib/encryption/veil/keys.ts";
import { IntegrityError } from "../../lib/errors.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { TEMPORARY } from "./documents.ts";
import type { Image } from "./image.ts";
import type { Store, StoreKind } from "./stores.ts";
import { VEIL_KEY, veil } from "./veil.ts";

/** What lies there for the private key's owner alone. */
const FOR_OWNER = /[/](names[.]tsv|manifest[.]json)[.]age$/;

/** As with `encrypt_manifest`: each call beneath the veil can fail, and what is judged is what the names key opens. */
export const veiled = (kind: StoreKind): StoreKind => ({
  name: `${kind.name}, veiled`,
  async open(image) {
    const inner = await kind.open(new Map());
    const storage = veil(inner.storage);
    for (const [key, content] of image) await storage.put(key, bytesOf(content));
    return {
      storage,
      beneath: { storage: inner.storage, up: veil, nameOf: veiledKeys(VEIL_KEY).realKey },
      image: async () => new Map([...(await imageOf(storage)), ...(await inTheMaking(inner))]),
      ...(inner.reach === undefined ? {} : { reach: { ...inner.reach, veiled: true } }),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    };
  },
});

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

/** No listing shows it, so no veil does. */
async function inTheMaking(inner: Store): Promise<Image> {
  return new Map([...(await inner.image())].filter(([key]) => TEMPORARY.test(key)));
}

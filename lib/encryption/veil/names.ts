import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { derivedKey } from "../age/aead.ts";

/** Names for artifacts that only who has the key can read, the same each time within a snapshot. */
export interface VeiledNames {
  /** `objects/…`, for a path relative to the folder of `snapshot`. */
  veil(snapshot: string, path: string): string;
  /** Undefined for what was not made with this key for this snapshot. */
  unveil(snapshot: string, name: string): string | undefined;
}

export const VEILED_FOLDER = "objects/";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const IV_BYTES = 16;
/** Of a path no more can be told than in which of these steps its length lies. */
const PADDING_BYTES = 64;
/** File systems end at 255 bytes a name; a storage may want some of them for a temporary one. */
const NAME_LENGTH = 180;
const NO_SALT = new Uint8Array(0);

/**
 * A synthetic IV: the MAC of snapshot and path is the IV under which the path is encrypted, and proves it on the way back. So no
 * list of names has to be kept, and the same unit has another name in each snapshot.
 */
export function veiledNames(key: Uint8Array): VeiledNames {
  const macKey = derivedKey(key, NO_SALT, "core-backup/names/mac");
  const cipherKey = derivedKey(key, NO_SALT, "core-backup/names/cipher");
  const ivOf = (snapshot: string, padded: Uint8Array): Buffer =>
    createHmac("sha256", macKey).update(`${snapshot}\0`).update(padded).digest().subarray(0, IV_BYTES);
  return {
    veil(snapshot, path) {
      const length = Buffer.byteLength(path);
      const padded = Buffer.alloc(Math.ceil((length + 1) / PADDING_BYTES) * PADDING_BYTES);
      padded.write(path);
      const iv = ivOf(snapshot, padded);
      const text = base32(Buffer.concat([iv, createCipheriv("aes-256-ctr", cipherKey, iv).update(padded)]));
      const parts = text.match(new RegExp(`.{1,${NAME_LENGTH}}`, "g")) ?? [];
      return VEILED_FOLDER + parts.join("/") + (/\.(?:age|gpg)$/.exec(path)?.[0] ?? "");
    },
    unveil(snapshot, name) {
      const bytes = base32Bytes(
        name
          .slice(VEILED_FOLDER.length)
          .replace(/\.(?:age|gpg)$/, "")
          .replaceAll("/", ""),
      );
      if (!name.startsWith(VEILED_FOLDER) || bytes === undefined || bytes.byteLength <= IV_BYTES) return undefined;
      const iv = bytes.subarray(0, IV_BYTES);
      const padded = createDecipheriv("aes-256-ctr", cipherKey, iv).update(bytes.subarray(IV_BYTES));
      if (!timingSafeEqual(iv, ivOf(snapshot, padded))) return undefined;
      return padded.toString("utf8").replace(/\0+$/, "");
    },
  };
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

function base32Bytes(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 255);
  }
  return Buffer.from(bytes);
}

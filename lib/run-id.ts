import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID (github.com/ulid/spec): 48 bits of time, 80 of chance, 26 characters that sort by time. */
export function runId(now: Date): string {
  let time = now.getTime();
  let head = "";
  for (let i = 0; i < 10; i += 1) {
    head = ALPHABET.charAt(time % 32) + head;
    time = Math.floor(time / 32);
  }
  // 32 divides 256, so no character is likelier than another.
  return head + [...randomBytes(16)].map((byte) => ALPHABET.charAt(byte % 32)).join("");
}

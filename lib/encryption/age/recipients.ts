import { x25519PublicKey } from "./x25519.ts";

/** What is wrong with a recipient, for the end of a sentence; undefined for `age1…`, the X25519 keys of `age-keygen`. */
export function recipientFault(text: string): string | undefined {
  if (x25519PublicKey(text) !== undefined) return undefined;
  if (/^AGE-SECRET-KEY-/i.test(text)) return "must be a public key, age1…, and this is a private one: make a new pair";
  if (text.startsWith("ssh-")) return "must be a key of age-keygen, age1…: SSH keys are not taken";
  if (/^age1[a-z0-9]+1/.test(text)) return "must be an X25519 key of age-keygen, age1…: keys of plugins are not taken";
  return "must be a public key of age-keygen: age1 and 58 more characters, with the right checksum";
}

export interface RecipientLine {
  readonly line: number;
  readonly text: string;
}

/** The recipients of a file as `age -R` reads it: one a line, `#` begins a comment. */
export function recipientLines(text: string): readonly RecipientLine[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line: index + 1, text: line.trim() }))
    .filter(({ text: line }) => line !== "" && !line.startsWith("#"));
}

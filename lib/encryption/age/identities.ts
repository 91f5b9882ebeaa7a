import { ConfigError } from "../../errors.ts";
import { type X25519Identity, x25519Identity } from "./x25519.ts";

/**
 * The private keys of a text as `age-keygen` writes it: one a line, `#` begins a comment. Undefined where the text is of another kind.
 * @throws ConfigError naming `source` and the line, never what it holds
 */
export function identitiesOf(text: string, source: string): readonly X25519Identity[] | undefined {
  const fault = (message: string) => new ConfigError(`${source} ${message}`, { code: "SECRET_MISSING" });
  if (/^(age-encryption\.org\/v1|-----BEGIN AGE ENCRYPTED FILE-----)/.test(text)) {
    throw fault("is itself encrypted with age: decrypt it first, with age -d");
  }
  if (!/^\s*(#|AGE-)/m.test(text)) return undefined;
  const identities: X25519Identity[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const word = line.trim();
    if (word === "" || word.startsWith("#")) continue;
    const identity = x25519Identity(word);
    if (identity === undefined)
      throw fault(`has no private key of age-keygen, AGE-SECRET-KEY-1…, in line ${index + 1}`);
    identities.push(identity);
  }
  if (identities.length === 0) throw fault("holds no private key");
  return identities;
}

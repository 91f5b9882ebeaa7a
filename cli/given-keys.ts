import type { PrivateKeys } from "../lib/encryption/encryption.ts";
import { readLocalSecret } from "../lib/secrets/local.ts";
import type { CommandContext } from "./command.ts";

/** The private keys of --identity-file and --passphrase-file. @throws ConfigError `SECRET_MISSING` naming the file */
export async function givenKeys({ options, env, redaction }: CommandContext): Promise<PrivateKeys | undefined> {
  const { identityFile, passphraseFile } = options;
  const read = async (path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    const value = await readLocalSecret({ from: "file", path }, env);
    redaction.add(value);
    return value;
  };
  const [key, passphrase] = [await read(identityFile), await read(passphraseFile)];
  if (key === undefined && passphrase === undefined) return undefined;
  return { key, passphrase, source: identityFile ?? passphraseFile ?? "" };
}

import { readFile } from "node:fs/promises";
import { ConfigError } from "../../errors.ts";
import { ProgramFailedError } from "../../process.ts";
import type { GpgHome } from "./home.ts";
import { importedKeys } from "./imported-keys.ts";
import type { GpgOptions } from "./options.ts";

/**
 * Imports the public keys that the options give and answers their fingerprints, sorted. @throws ConfigError naming each key
 * that cannot encrypt, and why
 */
export async function importPublicKeys(home: GpgHome, options: GpgOptions): Promise<readonly string[]> {
  const fingerprints = new Set<string>();
  for (const [index, key] of (options.public_keys ?? []).entries()) {
    for (const one of await importKeys(home, key, `public_keys[${index}]`)) fingerprints.add(one);
  }
  const file = options.public_keys_file;
  if (file !== undefined) for (const one of await importKeys(home, await readKeys(file), file)) fingerprints.add(one);
  const faults = await keyFaults(home, [...fingerprints]);
  if (faults.length > 0) throw new ConfigError(faults.join("; "));
  return [...fingerprints].sort();
}

async function importKeys(home: GpgHome, keys: string | Uint8Array, what: string): Promise<readonly string[]> {
  let said: string;
  try {
    said = await home.text(["--no-autostart", "--status-fd", "1", "--import"], keys);
  } catch (error) {
    if (!(error instanceof ProgramFailedError)) throw error;
    // Without an agent, which public keys do not need, gpg cannot import it.
    if (/secret keys read: [1-9]/.test(error.exit.stderr)) {
      throw new ConfigError(`${what} holds a private key: give the public one, as gpg --armor --export prints it`);
    }
    throw new ConfigError(`${what} holds no public key that gpg can import`, { cause: error });
  }
  const imported = importedKeys(said);
  if (imported.length === 0) throw new ConfigError(`${what} holds no public key`);
  return imported.map(({ fingerprint }) => fingerprint);
}

const VALIDITY: ReadonlyMap<string, string> = new Map([
  ["e", "has expired"],
  ["r", "is revoked"],
  ["d", "is disabled"],
  ["i", "is not valid: its own signature is missing or wrong"],
]);

async function keyFaults(home: GpgHome, fingerprints: readonly string[]): Promise<string[]> {
  const keys = listedKeys(await home.text(["--no-autostart", "--with-colons", "--list-keys"]));
  return fingerprints.flatMap((fingerprint) => {
    const key = keys.find((one) => one.fingerprint === fingerprint);
    const why = key === undefined ? "cannot be read" : faultOf(key);
    return why === undefined ? [] : [`the public key ${fingerprint}${key?.name ? ` (${key.name})` : ""} ${why}`];
  });
}

interface ListedKey {
  readonly validity: string;
  readonly capabilities: string;
  fingerprint: string;
  name: string;
}

/** The form of `--with-colons` is that of GnuPG's doc/DETAILS: a `pub`, its `fpr`, its `uid`s, then subkeys. */
function listedKeys(text: string): readonly ListedKey[] {
  const keys: ListedKey[] = [];
  for (const [type, ...fields] of text.split("\n").map((line) => line.split(":"))) {
    if (type === "pub") {
      keys.push({ validity: fields[0] ?? "", capabilities: fields[10] ?? "", fingerprint: "", name: "" });
    }
    const key = keys.at(-1);
    if (key !== undefined && type === "fpr") key.fingerprint ||= fields[8] ?? "";
    if (key !== undefined && type === "uid") key.name ||= fields[8] ?? "";
  }
  return keys;
}

/** Capabilities in capitals are those of the key with its subkeys, of which expired and revoked ones do not count. */
function faultOf({ validity, capabilities }: ListedKey): string | undefined {
  const why = VALIDITY.get(validity);
  if (why !== undefined) return why;
  return capabilities.includes("E") ? undefined : "cannot encrypt: it has no subkey for that which is valid now";
}

async function readKeys(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConfigError(`public_keys_file ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

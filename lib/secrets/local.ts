import { createReadStream } from "node:fs";
import { readAll } from "../bytes.ts";
import { ConfigError } from "../errors.ts";
import type { LocalSecretReference } from "./secrets.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a mistaken path stops being read: a device or a dump is no secret. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * The value of a variable or a file, read anew at each call. Of a file one newline at its end is left out, because editors and
 * `echo` put it there. @throws ConfigError `SECRET_MISSING` that names the variable or file, never what it holds
 */
export async function readLocalSecret(reference: LocalSecretReference, env: Environment): Promise<string> {
  switch (reference.from) {
    case "literal":
      return filled(reference.value, "a secret value");
    case "env":
      return filled(variable(reference.name, env), `the environment variable ${reference.name}`);
    case "file": {
      const what = `the secret file ${reference.path}`;
      return filled(await readText(reference.path, what), what);
    }
  }
}

/** An empty secret would make some services fall back to anonymous access, and the run back up less than it should. */
export function filled(value: string, what: string): string {
  if (value === "") throw missing(`${what} is empty`);
  return value;
}

export const missing = (message: string, options?: ErrorOptions): ConfigError =>
  new ConfigError(message, { ...options, code: "SECRET_MISSING" });

function variable(name: string, env: Environment): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) throw missing(`the environment variable ${name} is not set`);
  return value;
}

/** The text of a small file, without one newline at its end. `what` names it in errors. @throws ConfigError `SECRET_MISSING` */
export async function readText(path: string, what: string): Promise<string> {
  const bytes = await fileBytes(path, what);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Without the cause: it might quote the bytes.
    throw missing(`${what} is not UTF-8 text`);
  }
  return text.replace(/\r?\n$/, "");
}

async function fileBytes(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readAll(createReadStream(path), LIMIT_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw missing(`${what} is longer than ${LIMIT_BYTES} bytes`);
    throw missing(`${what} cannot be read: ${reason(error)}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "this process may not read it",
  EISDIR: "it is a folder",
};

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown fault";
  const words = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  return words === undefined ? code : `${words} (${code})`;
}

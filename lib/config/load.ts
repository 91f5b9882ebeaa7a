import { createReadStream } from "node:fs";
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { readAll } from "../bytes.ts";
import { connectors } from "../connectors/all.ts";
import type { ConnectorKind } from "../connectors/connector.ts";
import { ConfigError, type ConfigFault } from "../errors.ts";
import { checkConfig } from "./check-config.ts";
import { type ConfigDocument, readDocument } from "./document.ts";
import { faultLine, withSource } from "./faults.ts";
import type { Issue } from "./issues.ts";
import { type FaultAt, pathText } from "./place.ts";
import type { Config } from "./schema.ts";
import { type Refusal, reasonOf } from "./secret-checks.ts";

export interface LoadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The services there are. Default: all. */
  readonly kinds?: Readonly<Record<string, ConnectorKind>>;
  /**
   * False leaves variables and files of the jobs' options alone: what only reads storage (list, show, restore, prune)
   * works on a machine without rights at the sources. Default: true.
   */
  readonly sources?: boolean;
  /** The same for variables and files of the notifications. Default: as `sources`. */
  readonly notifiers?: boolean;
  /** What the file holds, where it is handed over and does not lie there. */
  readonly text?: string | undefined;
  /** What else is asked of the file, as the YAML gives it, where it is to be used. */
  readonly more?: (value: unknown) => readonly Issue[];
  /** Asked of each variable, file and secret that it names. */
  readonly refusal?: Refusal;
}

const LIMIT_BYTES = 1024 * 1024;

/**
 * Reads and checks the whole file. Relative paths of `x_file` are taken from its folder, all others from the
 * working directory. @throws ConfigError with every fault in the order of the file, never with a secret's value
 */
export async function loadConfig(
  file: string,
  { env, kinds = connectors, sources = true, notifiers = sources, more = () => [], refusal, text: given }: LoadOptions,
): Promise<Config> {
  const text = given ?? (await readText(file));
  const document = readDocument(text);
  if (document.value === undefined) throw configError(file, text, document, document.faults);
  const { config, issues } = await checkConfig(document.value, {
    env,
    kinds,
    sources,
    notifiers,
    folder: dirname(resolve(file)),
    refusal,
  });
  const found = [...issues, ...more(document.value)].map(({ path, isKey, message }): FaultAt => {
    return { path, message, offset: isKey ? document.keyAt(path) : document.valueAt(path) };
  });
  // What could not be read was told already.
  const told = new Set(document.faults.map(placeOf));
  const faults = [...document.faults, ...found.filter((one) => !told.has(placeOf(one)))];
  if (faults.length > 0) throw configError(file, text, document, faults);
  return config.egress === undefined
    ? { file, ...config }
    : { file, ...config, egressPlace: egressPlace(file, document) };
}

/** For who hears at run time that a host is not in it. */
function egressPlace(file: string, document: ConfigDocument): string {
  return `${file}:${document.position(document.keyAt(["egress", "allow"])).line}`;
}

/** The names of the jobs that are in the file now, right or wrong; undefined where it cannot be read. Throws nothing. */
export async function jobNames(file: string): Promise<readonly string[] | undefined> {
  const text = await readText(file).catch(() => undefined);
  const read = jobsSchema.safeParse(text === undefined ? undefined : readDocument(text).value);
  return read.success ? read.data.jobs.map(({ name }) => name) : undefined;
}

const jobsSchema = z.looseObject({ jobs: z.array(z.looseObject({ name: z.string() })) });

const placeOf = ({ offset, path }: FaultAt): string => `${offset} ${pathText(path)}`;

async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readAll(createReadStream(file), LIMIT_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw wholeFault(file, "is longer than the 1 MiB that a configuration may have");
    throw wholeFault(file, `cannot be read: ${reasonOf(error)}`, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder().decode(bytes).split("\ufffd", 1)[0] ?? "";
    const lines = before.split("\n");
    throw wholeFault(file, "is not UTF-8 text", undefined, {
      line: lines.length,
      column: (lines.at(-1)?.length ?? 0) + 1,
    });
  }
}

function wholeFault(
  file: string,
  message: string,
  cause?: unknown,
  { line, column } = { line: 1, column: 1 },
): ConfigError {
  const fault: ConfigFault = { file, line, column, path: "", message };
  return new ConfigError(faultLine(fault), { faults: [fault], cause });
}

function configError(file: string, text: string, document: ConfigDocument, found: readonly FaultAt[]): ConfigError {
  const faults = new Map<string, ConfigFault>();
  for (const { offset, path, message } of [...found].sort((a, b) => a.offset - b.offset)) {
    const fault = { file, ...document.position(offset), path: pathText(path), message };
    faults.set(faultLine(fault), fault);
  }
  const [first, ...others] = [...faults.keys()];
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return new ConfigError(`${first}${more}`, { faults: withSource([...faults.values()], text) });
}

import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { readAll } from "../bytes.ts";
import type { Issue } from "./issues.ts";
import { isRecord } from "./messages.ts";
import type { Path } from "./place.ts";
import { secretFieldInfo } from "./secret-fields.ts";

export interface ReferenceOptions {
  readonly path: Path;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of `x_file` are taken from here. */
  readonly folder: string;
  /** False leaves variables and files alone: only what is wrong with the file itself is told. */
  readonly look: boolean;
  readonly refusal?: Refusal | undefined;
}

/** A value that stands elsewhere, as the configuration names it. */
export interface GivenReference {
  readonly key: string;
  readonly given: string;
  /** Keys by which the same mapping takes that value in another way. */
  readonly others: readonly string[];
}

/** Why a reference cannot be followed where the configuration is to be used; undefined where it can. */
export type Refusal = (reference: GivenReference) => string | undefined;

/** Where a mistaken path stops being read: a device or a dump is no secret. */
const LIMIT_BYTES = 1024 * 1024;
const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "it does not exist"],
  ["EACCES", "this process may not read it"],
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "a part of its path is not a folder"],
]);

/**
 * Looks at every reference to a secret that `schema` knows, in `value` as it came from the file. Makes
 * the paths of `x_file` absolute in place.
 */
export async function checkReferences(
  schema: z.ZodType,
  value: unknown,
  options: ReferenceOptions,
): Promise<readonly Issue[]> {
  const issues: Issue[] = [];
  for (const { object, shape, path } of objectsOf(schema, value, options.path)) {
    issues.push(...severalForms(object, shape, path));
    for (const key of Object.keys(object)) {
      const given = object[key];
      if (!Object.hasOwn(shape, key) || typeof given !== "string" || given === "") continue;
      const refused = options.refusal?.({ key, given, others: othersOf(key, shape) });
      if (refused !== undefined) issues.push({ path: [...path, key], isKey: false, message: refused });
      if (key.endsWith("_file")) object[key] = resolve(options.folder, given);
      const field = shape[key];
      // What the schema refuses is its to report; a token in a name's place must not be told here.
      if (!options.look || !(field instanceof z.ZodType) || !field.safeParse(given).success) continue;
      const message = key.endsWith("_env")
        ? variableFault(given, options.env)
        : key.endsWith("_file")
          ? await fileFault(String(object[key]))
          : undefined;
      if (message !== undefined) issues.push({ path: [...path, key], isKey: false, message });
    }
  }
  return issues;
}

interface FoundObject {
  readonly object: Record<string, unknown>;
  readonly shape: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

/** Every mapping in `value` with the shape that the schema has for it, through lists, unions and defaults. */
function* objectsOf(schema: unknown, value: unknown, path: Path): Generator<FoundObject> {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    yield* objectsOf(schema.unwrap(), value, path);
  } else if (schema instanceof z.ZodPipe) {
    yield* objectsOf(schema.in, value, path);
  } else if (schema instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* objectsOf(schema.element, item, [...path, index]);
  } else if (schema instanceof z.ZodRecord && isRecord(value)) {
    for (const [key, item] of Object.entries(value)) yield* objectsOf(schema.valueType, item, [...path, key]);
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.options.filter((one: unknown) => isMeant(one, value)))
      yield* objectsOf(option, value, path);
  } else if (schema instanceof z.ZodObject && isRecord(value)) {
    yield { object: value, shape: schema.shape, path };
    for (const [key, field] of Object.entries(schema.shape)) {
      if (Object.hasOwn(value, key)) yield* objectsOf(field, value[key], [...path, key]);
    }
  }
}

/** A mapping belongs to the branches whose literals (`type: token`) it has. */
function isMeant(option: unknown, value: unknown): boolean {
  if (!(option instanceof z.ZodObject) || !isRecord(value)) return true;
  return Object.entries(option.shape).every(
    ([key, field]) =>
      !(field instanceof z.ZodLiteral) || (Object.hasOwn(value, key) && field.values.has(value[key] as string)),
  );
}

function severalForms(object: Record<string, unknown>, shape: FoundObject["shape"], path: Path): Issue[] {
  const first = new Map<string, string>();
  const issues: Issue[] = [];
  for (const key of Object.keys(object)) {
    const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
    const secret = typeof field === "object" && field !== null ? secretFieldInfo(field)?.secret : undefined;
    if (secret === undefined) continue;
    const before = first.get(secret);
    if (before === undefined) first.set(secret, key);
    else issues.push({ path: [...path, key], isKey: true, message: `is given as ${before} already: leave one out` });
  }
  return issues;
}

/** The other forms of a secret; of what is none, the key that takes the value itself. */
function othersOf(key: string, shape: FoundObject["shape"]): readonly string[] {
  const secretOfKey = (one: string) => {
    const field = shape[one];
    return typeof field === "object" && field !== null ? secretFieldInfo(field)?.secret : undefined;
  };
  const secret = secretOfKey(key);
  const itself = key.replace(/_[^_]+$/, "");
  return Object.keys(shape).filter(
    (one) => one !== key && (secret === undefined ? one === itself : secretOfKey(one) === secret),
  );
}

function variableFault(name: string, env: ReferenceOptions["env"]): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) return `the environment variable ${name} is not set`;
  return value === "" ? `the environment variable ${name} is empty` : undefined;
}

async function fileFault(path: string): Promise<string | undefined> {
  try {
    const bytes = await readAll(createReadStream(path), LIMIT_BYTES);
    return bytes.some((byte) => byte !== 10 && byte !== 13) ? undefined : `the file ${path} is empty`;
  } catch (error) {
    if (error instanceof RangeError) return `the file ${path} is longer than 1 MiB`;
    return `the file ${path} cannot be read: ${reasonOf(error)}`;
  }
}

/** Why a file cannot be read, for an operator. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return REASONS.get(code) ?? (error instanceof Error ? error.message : String(error));
}

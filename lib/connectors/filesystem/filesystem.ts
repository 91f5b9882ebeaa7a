import { join } from "node:path";
import * as z from "zod";
import { SourceError } from "../../errors.ts";
import { proveArchive } from "../../tar/prove.ts";
import { identify, type Reading, readPath } from "../../tar/read-path.ts";
import { settle } from "../../tar/reading-report.ts";
import { restoreArchive } from "../../tar/restore.ts";
import { storesBelow } from "../../tar/stores-below.ts";
import { requireTar } from "../../tar/tar-program.ts";
import type { CollectContext, Connector, ConnectorContext, ConnectorKind, Item, Unit } from "../connector.ts";
import { duplicatePaths, unitsOf } from "./paths.ts";

const path = z
  .string()
  .min(1, "a path cannot be empty")
  .refine((value) => !value.includes("\0"), "a path cannot hold a NUL character");

const options = z
  .strictObject({
    paths: z
      .union([path, z.array(path).min(1, "name at least one path")])
      .describe(
        "What to back up: one path or several, files or folders, absolute or relative to the working directory. Each is a unit. * ? [] {} and ** expand as in a shell",
      ),
    exclude: z
      .union([path, z.array(path)])
      .default([])
      .describe(
        "What to leave out, in the syntax of .gitignore, relative to each path. Case-sensitive; an excluded folder is not entered",
      ),
    one_file_system: z
      .boolean()
      .default(false)
      .describe("Stay on the file system of each path: what is mounted below it is not entered"),
    follow_symlinks: z.boolean().default(false).describe("Store what symbolic links lead to instead of the links"),
  })
  .superRefine((value, context) => {
    const paths = many(value.paths);
    for (const [first, second] of duplicatePaths(paths)) {
      context.addIssue({
        code: "custom",
        path: ["paths", second],
        message: `the same path as paths[${first}], ${paths[first]}`,
      });
    }
  });

export type FilesystemOptions = z.infer<typeof options>;

/** Paths of this machine, one unit each, as a tar archive. docs/filesystem.md says what it holds and what not. */
export const filesystem: ConnectorKind<FilesystemOptions> = {
  options,
  create: async (given, context) => filesystemConnector(given, context),
  restore: restoreArchive,
  next: () => [],
  targets: [],
};

function filesystemConnector(given: FilesystemOptions, { avoid, collectsElsewhere }: ConnectorContext): Connector {
  let program: string | undefined;
  const tar = async (signal: AbortSignal) => {
    program ??= await requireTar(signal);
    return program;
  };
  return {
    async prepare(signal) {
      if (!collectsElsewhere) await tar(signal);
    },
    units: (signal) => unitsOf(many(given.paths), signal),
    async *collect(unit, context) {
      context.signal.throwIfAborted();
      const source = await sourceOf(unit);
      const avoided = await storesBelow(source, avoid);
      for (const store of avoided) {
        context.warn({
          code: "STORAGE_SKIPPED",
          message: `${join(source, store)} is a storage of this configuration, so it is left out`,
        });
      }
      yield* collectPath(source, given, avoided, await tar(context.signal), context);
    },
    prove: proveArchive,
    async cleanup() {},
  };
}

async function* collectPath(
  source: string,
  given: FilesystemOptions,
  avoided: readonly string[],
  program: string,
  context: CollectContext,
): AsyncGenerator<Item> {
  let last: Reading | undefined;
  const open = () => {
    last = readPath(source, {
      program,
      exclude: many(given.exclude),
      avoided,
      oneFileSystem: given.one_file_system,
      followSymlinks: given.follow_symlinks,
      signal: context.signal,
    });
    return last.bytes;
  };
  const facts = () => {
    if (last === undefined) throw new Error("facts were asked for before the first byte");
    return last.facts();
  };
  const restore = "tar --acls --xattrs --xattrs-include='*' -xpf {}";
  yield { name: "files.tar", contentType: "application/x-tar", compress: true, restore, open, facts };
  if (last === undefined) return;
  settle((last as Reading).report, source, context.warn);
}

/** @throws SourceError for a glob that found nothing or not everything, and for a path that is not there */
async function sourceOf(unit: Unit): Promise<string> {
  const { path: source, problem } = unit.input;
  if (typeof source !== "string") throw new Error(`unit ${unit.id} has no path`);
  if (problem === "matches nothing") throw new SourceError("SOURCE_NOT_FOUND", `${source} matches nothing`);
  if (typeof problem === "string")
    throw new SourceError("SOURCE_INCOMPLETE", `${source}: ${problem}; what it matches elsewhere is stored`);
  await identify(source);
  return source;
}

const many = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);

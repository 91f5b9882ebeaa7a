import * as z from "zod";
import type { Bytes } from "../../bytes.ts";
import { SourceError, StorageError, TransientError } from "../../errors.ts";
import { filterTar, type TarFilter } from "../../tar/tar-filter.ts";
import { TarFormatError } from "../../tar/tar-header.ts";
import { plainPath } from "../../tar/tar-path.ts";
import { rewriteHeader } from "../../tar/tar-rewrite.ts";
import type { Engine } from "./engine/engine.ts";
import { EngineRefusal } from "./engine/fault.ts";
import type { Helper } from "./helper.ts";

/** What is mounted in the helper. */
export interface Mounted {
  readonly kind: "folder" | "file" | "socket";
  /** Of the last change, as the Engine writes it, to the nanosecond. */
  readonly mtime: string;
}

/** Bits of Go's os.FileMode, which the Engine sends. */
const IS_FOLDER = 2 ** 31;
const IS_SOCKET = 2 ** 24;
const statShape = z.object({ mode: z.number(), mtime: z.string().default("") });

export async function lookAt(engine: Engine, helper: Helper, signal: AbortSignal): Promise<Mounted> {
  const path = `/containers/${helper.id}/archive`;
  const query = { path: helper.path };
  const { headers, body } = await engine.open({
    method: "HEAD",
    path,
    query,
    signal,
    what: "cannot look at what it mounts",
  });
  for await (const _ of body);
  const { success, data } = statShape.safeParse(decoded(headers["x-docker-container-path-stat"]));
  if (!success)
    throw new SourceError("SOURCE_PROTOCOL", `the Engine at ${engine.place.name} does not say what is mounted`);
  const { mode, mtime } = data;
  return { kind: hasBit(mode, IS_FOLDER) ? "folder" : hasBit(mode, IS_SOCKET) ? "socket" : "file", mtime };
}

/** The archive of `path` in the helper as it comes, without any judgement of its content. */
export async function* archiveOf(engine: Engine, helper: Helper, path: Buffer, signal: AbortSignal): Bytes {
  const request = { method: "GET", path: `/containers/${helper.id}/archive`, query: { path }, signal } as const;
  const { body } = await engine.open({ ...request, what: "gives no archive" });
  yield* body;
}

/**
 * Extracts an archive into what is mounted in the helper. Members are given by their path from the container's root: an
 * Engine leaves the root of an archive as it finds it, and here that is not the volume's own folder, which has an owner,
 * a mode and a time too. And for hard links it looks up their target from there, without which set-user bits are lost.
 */
export async function putArchive(engine: Engine, helper: Helper, archive: Bytes, signal: AbortSignal): Promise<void> {
  const tar = filterTar(archive, prefixingFilter(Buffer.from(helper.path.slice(1))));
  const query = { path: "/" };
  const request = { method: "PUT", path: `/containers/${helper.id}/archive`, query, tar, signal } as const;
  try {
    await engine.send({ ...request, what: "does not take the archive" });
  } catch (error) {
    const full = error instanceof EngineRefusal && /no space left on device|disk quota exceeded/i.test(error.message);
    throw full ? new StorageError("STORAGE_FULL", error.message, { cause: error }) : error;
  }
}

function prefixingFilter(folder: Buffer): TarFilter {
  const below = (path: Buffer) => Buffer.concat([folder, Buffer.from("/"), plainPath(path)]);
  return {
    header: (entry, raw) =>
      rewriteHeader(raw, entry, {
        path: below(entry.path),
        ...(entry.kind === "hardlink" && { linkPath: below(entry.linkPath) }),
      }),
    async *more() {},
  };
}

/** The Engine ends an archive early, and says that all is well, when a file gets shorter while it reads it. */
export function archiveFault(error: unknown, name: string): unknown {
  if (error instanceof TarFormatError) {
    return new TransientError(
      "SOURCE_TRUNCATED",
      `the Engine's archive of ${name} is not whole (${error.message}): a file that got shorter while it was read ends it; consistency: pause keeps files still`,
      { cause: error },
    );
  }
  return error;
}

export const isAbsent = (error: unknown): boolean => error instanceof EngineRefusal && error.status === 404;

function decoded(header: string | string[] | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(String(header), "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Beyond what the operators for bits take. */
const hasBit = (value: number, bit: number): boolean => Math.floor(value / bit) % 2 === 1;

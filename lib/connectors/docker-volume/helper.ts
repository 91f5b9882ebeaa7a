import { randomBytes } from "node:crypto";
import { bytesOf } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { orAbsent } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import { EngineRefusal } from "./engine/fault.ts";
import { createdShape } from "./engine/shapes.ts";
import { HOLDS_LABEL, type Hold } from "./hold/hold.ts";
import { ownerLabels } from "./hold/owner.ts";
import type { Source } from "./source.ts";

/** Made here of an empty archive: nothing is pulled, and there is nothing in it that could run. */
const IMAGE = { repo: "core-backup/empty", tag: "1" };
const EMPTY_ARCHIVE = Buffer.alloc(1024);

/** A container that never runs: the Engine gives and takes the files of what is mounted in it. */
export interface Helper {
  readonly id: string;
  /** As it was made. */
  readonly name: string;
  /** Where the source is mounted in it. */
  readonly path: string;
  remove(): Promise<void>;
}

export interface HelperOptions {
  readonly readOnly: boolean;
  /** What will be paused or stopped on behalf of this helper. It is written down here before it is done. */
  readonly holds: readonly Hold[];
  /** From when on other machines may take us for dead. */
  readonly until: Date;
  readonly signal: AbortSignal;
}

export async function createHelper(engine: Engine, source: Source, options: HelperOptions): Promise<Helper> {
  const create = () => createContainer(engine, source, options);
  const { id, name } = await create().catch(async (error: unknown) => {
    if (!(error instanceof EngineRefusal && error.status === 404)) throw error;
    await importImage(engine, options.signal);
    return create();
  });
  return { id, name, path: targetOf(source), remove: () => removeHelper(engine, id) };
}

/** With `force`, because an archive that was broken off may still hold it. Not stopped by the run's signal. */
export async function removeHelper(engine: Engine, id: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const request = { method: "DELETE", path: `/containers/${id}`, query: { force: "1" }, signal } as const;
  await orAbsent(engine.send({ ...request, what: "does not remove a container of core-backup" }));
}

async function createContainer(
  engine: Engine,
  source: Source,
  { readOnly, holds, until, signal }: HelperOptions,
): Promise<{ readonly id: string; readonly name: string }> {
  const ours = ownerLabels(until);
  // The labels are put on a volume that is made because there is none of that name (any more).
  const mount =
    source.kind === "volume"
      ? { Type: "volume", Source: source.name, VolumeOptions: { NoCopy: true, Labels: ours } }
      : { Type: "bind", Source: source.path };
  const json = {
    Image: `${IMAGE.repo}:${IMAGE.tag}`,
    // The Engine wants a command, and it is never run.
    Cmd: ["/none"],
    Labels: { ...ours, [HOLDS_LABEL]: JSON.stringify(holds) },
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      Mounts: [{ ...mount, Target: targetOf(source), ReadOnly: readOnly }],
    },
  };
  const name = `core-backup-${randomBytes(8).toString("hex")}`;
  const query = { name };
  const what = `makes no container with ${source.kind === "volume" ? source.name : source.path}`;
  const request = { method: "POST", path: "/containers/create", query, json, signal, what } as const;
  const { Id } = await engine.ask(request, createdShape);
  return { id: Id, name };
}

/** The last part is the source's own name: of a single file, the archive's only member is called so. */
function targetOf(source: Source): string {
  if (source.kind === "volume") return "/source/volume";
  return `/source/${source.path.split("/").filter(Boolean).at(-1) ?? "root"}`;
}

async function importImage(engine: Engine, signal: AbortSignal): Promise<void> {
  const query = { fromSrc: "-", ...IMAGE };
  const what = "imports no empty image";
  const request = { method: "POST", path: "/images/create", query, tar: bytesOf(EMPTY_ARCHIVE), signal, what } as const;
  const { text } = await engine.send(request);
  // It tells its progress line by line, and a failure too, after the status was 200.
  const failure = text.split("\n").find((line) => line.includes('"error"'));
  if (failure !== undefined) throw new SourceError("SOURCE_FAILED", `the Engine ${what}: ${failure.slice(0, 300)}`);
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../../bytes.ts";
import { IntegrityError, SourceError, TransientError } from "../../errors.ts";
import { proveArchive } from "../../tar/prove.ts";
import { intoTree } from "../../tar/restore.ts";
import { storesBelow } from "../../tar/stores-below.ts";
import type {
  CollectContext,
  Connector,
  ConnectorContext,
  ConnectorKind,
  Item,
  ProvenArtifact,
  Unit,
  Warning,
} from "../connector.ts";
import {
  DEFINITION_NAME,
  type Definition,
  definitionItem,
  describe,
  isDefinition,
  parseDefinition,
  proveDefinition,
  readDefinition,
} from "./definition.ts";
import { type Engine, openEngine } from "./engine/engine.ts";
import { isPlaintext } from "./engine/host.ts";
import { extractSparsely } from "./extract.ts";
import { mendLeftovers } from "./hold/mend.ts";
import { type DockerVolumeOptions, dockerVolumeOptions } from "./options.ts";
import { enginePlace } from "./place.ts";
import { proveInVolume } from "./prove-in-volume.ts";
import { volumeItem } from "./read-volume.ts";
import { volumeTarget } from "./restore-volume.ts";
import { sweepScratchVolumes } from "./scratch-volume.ts";
import { listUnits } from "./select.ts";
import { problemOf, type Source, sourceName, sourceOf } from "./source.ts";

/** Volumes and bind mounts of a Docker Engine, one unit each. docs/docker.md says what is stored and what not. */
export const dockerVolume: ConnectorKind<DockerVolumeOptions> = {
  options: dockerVolumeOptions,
  create: async (given, context) => dockerVolumeConnector(given, context),
  async restore(artifact, bytes, folder, signal) {
    if (isDefinition(artifact)) return restoreDefinition(artifact, bytes, folder);
    return intoTree(folder, (target) => extractSparsely(artifact, bytes, target, signal));
  },
  next: () => [],
  targets: [volumeTarget],
};

function dockerVolumeConnector(given: DockerVolumeOptions, { secrets, avoid, now }: ConnectorContext): Connector {
  let opening: Promise<Engine> | undefined;
  let mended: readonly Warning[] = [];
  const engine = (signal: AbortSignal): Promise<Engine> => {
    opening ??= enginePlace(given, secrets)
      .then((place) => openEngine(place, signal))
      .catch((error: unknown) => {
        // The next call tries again.
        opening = undefined;
        throw error;
      });
    return opening;
  };
  return {
    async prepare(signal) {
      const opened = await engine(signal);
      mended = await mendLeftovers(opened, now(), signal);
      await sweepScratchVolumes(opened, now(), signal);
    },
    async *units(signal) {
      signal.throwIfAborted();
      yield* listUnits(await engine(signal), given, signal);
    },
    async *collect(unit, context) {
      context.signal.throwIfAborted();
      const opened = await engine(context.signal);
      for (const warning of mended) context.warn(warning);
      mended = [];
      if (isPlaintext(opened.place.host, opened.place.tls !== undefined)) {
        context.warn({
          code: "DOCKER_PLAINTEXT",
          message: `${opened.place.name} is spoken to without TLS: who is on the way can read it, and rule the machine`,
        });
      }
      yield* collectSource(opened, unit, given, { avoid, now }, context);
    },
    async prove(artifact, bytes, options) {
      if (isDefinition(artifact)) return proveDefinition(artifact, bytes, options.full);
      if (!options.full) return proveArchive(artifact, bytes, options);
      const opened = await engine(options.signal).catch((error: unknown) => {
        if (error instanceof TransientError) return undefined;
        throw error;
      });
      if (opened !== undefined) return proveInVolume(opened, artifact, bytes, now(), options.signal);
      const proof = await proveArchive(artifact, bytes, options);
      return { ...proof, detail: `${proof.detail}; in a folder here, since the Engine does not answer` };
    },
    async cleanup() {
      const opened = await opening?.catch(() => undefined);
      opening = undefined;
      await opened?.close();
    },
  };
}

async function* collectSource(
  engine: Engine,
  unit: Unit,
  given: DockerVolumeOptions,
  { avoid, now }: Pick<ConnectorContext, "avoid" | "now">,
  context: CollectContext,
): AsyncGenerator<Item> {
  const source = sourceOf(unit);
  if (source === undefined) throw new SourceError("SOURCE_NOT_FOUND", problemOf(unit));
  const { signal } = context;
  const definition = await describe(engine, source, given.include_env, signal);
  const avoided = await storesIn(engine, source, definition, avoid);
  for (const store of avoided) {
    context.warn({
      code: "STORAGE_SKIPPED",
      message: `${sourceName(source)} holds ${store}, a storage of this configuration, which is left out`,
    });
  }
  yield* volumeItem(engine, source, { given, definition, avoided, now, context });
  yield definitionItem(definition);
}

/** The Engine's paths are ours only where it runs on this machine. */
async function storesIn(
  engine: Engine,
  source: Source,
  { volume }: Definition,
  avoid: readonly string[],
): Promise<readonly string[]> {
  if (engine.place.host.kind !== "unix") return [];
  const path = source.kind === "bind" ? source.path : volume?.Mountpoint;
  return typeof path === "string" && path !== "" ? storesBelow(path, avoid) : [];
}

async function restoreDefinition(artifact: ProvenArtifact, bytes: Bytes, folder: string): Promise<readonly string[]> {
  const content = await readDefinition(bytes);
  if (parseDefinition(content) === undefined)
    throw new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path} is no definition of a volume`);
  await writeFile(join(folder, DEFINITION_NAME), content, { mode: 0o600 });
  return [DEFINITION_NAME];
}

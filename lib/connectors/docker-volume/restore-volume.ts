import { RefusedError, SourceError } from "../../errors.ts";
import { createArchiveCount, factsDifference } from "../../tar/archive-facts.ts";
import { watchArchive } from "../../tar/extraction.ts";
import { createMemberGuard } from "../../tar/member-guard.ts";
import { findTar } from "../../tar/tar-program.ts";
import { createTarScanner } from "../../tar/tar-scan.ts";
import type { RestorableUnit, RestoredTo, RestoreTarget, TargetContext } from "../connector.ts";
import { archiveOf, putArchive } from "./archive.ts";
import { type Definition, isDefinition, parseDefinition, readDefinition } from "./definition.ts";
import { findVolume, listContainers, nameOf } from "./engine/api.ts";
import { type Engine, openEngine } from "./engine/engine.ts";
import { volumeShape } from "./engine/shapes.ts";
import { extractSparsely } from "./extract.ts";
import { createHelper, type Helper } from "./helper.ts";
import { hostPath, liesStill } from "./host-path.ts";
import type { DockerVolumeOptions } from "./options.ts";
import { enginePlace } from "./place.ts";
import { HIDDEN } from "./redact.ts";
import { removeVolume } from "./scratch-volume.ts";
import { usersOf } from "./source.ts";

const RESTORING_MS = 24 * 60 * 60 * 1000;

/** `restore --to-volume NAME`: made with its saved driver and options where there is none of that name. */
export const volumeTarget: RestoreTarget<DockerVolumeOptions> = {
  name: "volume",
  takesManyUnits: false,
  async restore(unit, name, options, context) {
    const engine = await openEngine(await enginePlace(options, context.secrets), context.signal);
    try {
      return await restoreInto(engine, unit, name, context);
    } finally {
      await engine.close();
    }
  },
};

async function restoreInto(
  engine: Engine,
  unit: RestorableUnit,
  name: string,
  { force, now, signal }: TargetContext,
): Promise<RestoredTo> {
  const archive = unit.artifacts.find((artifact) => !isDefinition(artifact));
  if (archive === undefined) throw new RefusedError(`no archive of ${unit.id} is stored`);
  const before = await findVolume(engine, name, signal);
  if (before === undefined) await createVolume(engine, name, await definitionOf(unit), signal);
  else if (!force) await assertUnused(engine, name, signal);
  const until = new Date(now().getTime() + RESTORING_MS);
  try {
    const helper = await createHelper(engine, { kind: "volume", name }, { readOnly: false, holds: [], until, signal });
    try {
      if (before !== undefined && !force) await assertEmpty(engine, helper, name, signal);
      const made = before === undefined ? "made with its saved driver, options and labels" : "there already";
      return await extract(engine, helper, archive, { name, made }, signal);
    } finally {
      await helper.remove();
    }
  } catch (error) {
    // Half a volume must not look like a whole one.
    if (before === undefined) await removeVolume(engine, name);
    throw error;
  }
}

async function definitionOf(unit: RestorableUnit): Promise<Definition | undefined> {
  const artifact = unit.artifacts.find(isDefinition);
  return artifact === undefined ? undefined : parseDefinition(await readDefinition(artifact.open()));
}

async function createVolume(
  engine: Engine,
  name: string,
  definition: Definition | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { Driver, Options, Labels } = definition?.volume ?? { Driver: "local", Options: {}, Labels: {} };
  const hidden = Object.entries(Options).find(([, value]) => value.includes(HIDDEN));
  if (hidden !== undefined) {
    throw new RefusedError(
      `the volume ${name} is not made: its option ${hidden[0]} held a password, which is not stored (include_env); make it with docker volume create, and restore into it`,
    );
  }
  const json = { Name: name, Driver, DriverOpts: Options, Labels };
  const what = `does not make the volume ${name}`;
  await engine.ask({ method: "POST", path: "/volumes/create", json, signal, what }, volumeShape);
}

/** A container that ended may have its volume restored; one that runs would see its files change. */
async function assertUnused(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  const users = usersOf({ kind: "volume", name }, await listContainers(engine, signal));
  const busy = users.filter(({ State }) => /^(running|paused|restarting)$/.test(State)).map(nameOf);
  if (busy.length === 0) return;
  throw new RefusedError(`the volume ${name} is in use by ${busy.join(", ")}: stop what uses it, or add --force`);
}

async function assertEmpty(engine: Engine, helper: Helper, name: string, signal: AbortSignal): Promise<void> {
  let members = 0;
  const scanner = createTarScanner({
    entry() {
      members += 1;
    },
  });
  for await (const chunk of archiveOf(engine, helper, Buffer.from(`${helper.path}/.`), signal)) {
    scanner.write(chunk);
    // The first one is the root itself.
    if (members > 1)
      throw new RefusedError(`the volume ${name} is not empty: give another name, or add --force to restore over it`);
  }
}

async function extract(
  engine: Engine,
  helper: Helper,
  artifact: RestorableUnit["artifacts"][number],
  { name, made }: { readonly name: string; readonly made: string },
  signal: AbortSignal,
): Promise<RestoredTo> {
  const guard = createMemberGuard(artifact.path);
  const count = createArchiveCount();
  const here = await placeHere(engine, helper, name, signal);
  const archive = watchArchive(artifact.open(), {
    entry(entry) {
      guard(entry);
      count.add(entry);
    },
  });
  if (here === undefined) await putArchive(engine, helper, archive.bytes, signal);
  else await extractSparsely(artifact, archive.bytes, here, signal);
  await archive.assertWhole();
  const facts = count.facts();
  const difference = factsDifference(facts, artifact.facts);
  if (difference !== undefined)
    throw new SourceError("SOURCE_FAILED", `${artifact.path} does not hold what was collected: ${difference}`);
  const by = here === undefined ? "by the Engine" : "by tar";
  return {
    detail: `${count.entries} entries, ${JSON.stringify(facts.bytes)} bytes, ${by}; the volume was ${made}`,
    facts,
  };
}

/** tar brings back what an Engine cannot: holes, ACLs. Only where nobody can lead it astray meanwhile. */
async function placeHere(
  engine: Engine,
  helper: Helper,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const source = { kind: "volume", name } as const;
  if (!(await liesStill(engine, source, new Set(), signal))) return undefined;
  const { program } = await findTar(signal);
  if (program === undefined) return undefined;
  return hostPath(engine, source, await findVolume(engine, name, signal), helper, signal);
}

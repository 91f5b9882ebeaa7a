import { createHash } from "node:crypto";
import * as z from "zod";
import { type Bytes, bytesOf, readAll } from "../../bytes.ts";
import { IntegrityError, SourceError } from "../../errors.ts";
import type { Facts, Item, Proof, ProvenArtifact } from "../connector.ts";
import { engineInfo, findContainer, findVolume, listContainers, orAbsent } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import { type Container, networkShape, type Volume } from "./engine/shapes.ts";
import { OWNER_LABEL } from "./hold/owner.ts";
import { containerDefinition, withoutPasswords } from "./redact.ts";
import { type Source, usersOf } from "./source.ts";

/** What it takes to make the source again, and those that used it. */
const definitionShape = z.looseObject({
  schemaVersion: z.literal(1),
  volume: z
    .looseObject({
      Name: z.string(),
      Driver: z.string(),
      Labels: z.record(z.string(), z.string()),
      Options: z.record(z.string(), z.string()),
      Mountpoint: z.string().default(""),
    })
    .optional(),
  bindMount: z.object({ path: z.string() }).optional(),
  containers: z.array(z.looseObject({ Name: z.string() })),
  networks: z.array(z.looseObject({ Name: z.string() })),
});

export type Definition = z.infer<typeof definitionShape>;

export const DEFINITION_NAME = "volume.json";
const CONTENT_TYPE = "application/json";
const LIMIT_BYTES = 64 * 1024 * 1024;

/** @throws SourceError when the source is not there */
export async function describe(
  engine: Engine,
  source: Source,
  includeEnv: boolean,
  signal: AbortSignal,
): Promise<Definition> {
  const found = source.kind === "volume" ? await existing(engine, source.name, signal) : undefined;
  const users: Container[] = [];
  for (const { Id } of usersOf(source, await listContainers(engine, signal))) {
    const container = await findContainer(engine, Id, signal);
    // Gone since it was listed, or a helper of ours.
    if (container !== undefined && container.Config.Labels[OWNER_LABEL] === undefined) users.push(container);
  }
  users.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  const { ServerVersion, OSType, Architecture } = await engineInfo(engine, signal);
  return {
    schemaVersion: 1,
    engine: { version: ServerVersion, os: OSType, architecture: Architecture },
    ...(found !== undefined && { volume: volumeDefinition(found, includeEnv) }),
    ...(source.kind === "bind" && { bindMount: { path: source.path } }),
    containers: users.map((container) => containerDefinition(container, includeEnv)),
    networks: await networksOf(engine, users, signal),
  };
}

async function existing(engine: Engine, name: string, signal: AbortSignal): Promise<Volume> {
  const volume = await findVolume(engine, name, signal);
  if (volume === undefined)
    throw new SourceError("SOURCE_NOT_FOUND", `there is no volume ${name} at ${engine.place.name}`);
  return volume;
}

function volumeDefinition(
  { Name, Driver, Labels, Options, Scope, CreatedAt, Mountpoint }: Volume,
  includeEnv: boolean,
) {
  const options = includeEnv ? Options : withoutPasswords(Options);
  return { Name, Driver, Labels, Options: options, Scope, CreatedAt, Mountpoint };
}

async function networksOf(engine: Engine, containers: readonly Container[], signal: AbortSignal) {
  const names = new Set(containers.flatMap(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks)));
  const networks: z.infer<typeof networkShape>[] = [];
  for (const name of [...names].sort()) {
    const path = `/networks/${encodeURIComponent(name)}`;
    const request = { method: "GET", path, signal, what: `does not show the network ${name}` } as const;
    const network = await orAbsent(engine.ask(request, networkShape));
    if (network === undefined) continue;
    // Who is in it just now is no part of what it is.
    const { Containers: _containers, Peers: _peers, Services: _services, ...definition } = network;
    networks.push(definition);
  }
  return networks;
}

export function definitionItem(definition: Definition): Item {
  const content = Buffer.from(`${JSON.stringify(definition, null, 2)}\n`);
  let ended = false;
  return {
    name: DEFINITION_NAME,
    contentType: CONTENT_TYPE,
    compress: true,
    restore: "cat {}",
    async *open() {
      ended = false;
      yield* bytesOf(content);
      ended = true;
    },
    facts() {
      if (!ended) throw new Error("facts were asked for before the last byte");
      return factsOf(definition, content);
    },
  };
}

function factsOf({ containers, networks }: Definition, content: Uint8Array): Facts {
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { containers: containers.length, networks: networks.length, sha256 };
}

export const isDefinition = ({ contentType }: Pick<ProvenArtifact, "contentType">): boolean =>
  contentType === CONTENT_TYPE;

/** @throws IntegrityError `PROOF_FAILED` */
export async function proveDefinition(artifact: ProvenArtifact, bytes: Bytes, full: boolean): Promise<Proof> {
  const content = await readAll(bytes, LIMIT_BYTES);
  const definition = parseDefinition(content);
  const fail = (what: string) => new IntegrityError("PROOF_FAILED", `${artifact.path}: ${what}`);
  if (definition === undefined) throw fail("it is no definition of a volume");
  const counted = factsOf(definition, content);
  const different = Object.entries(counted).find(([name, value]) => artifact.facts[name] !== value);
  if (different !== undefined)
    throw fail(
      `${different[0]} is ${JSON.stringify(different[1])} instead of ${JSON.stringify(artifact.facts[different[0]])}`,
    );
  return {
    level: full ? "full" : "read",
    detail: `${definition.containers.length} containers, ${definition.networks.length} networks, SHA-256`,
  };
}

export async function readDefinition(bytes: Bytes): Promise<Uint8Array> {
  return readAll(bytes, LIMIT_BYTES);
}

/** Undefined for anything else. */
export function parseDefinition(content: Uint8Array): Definition | undefined {
  try {
    return definitionShape.safeParse(JSON.parse(Buffer.from(content).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

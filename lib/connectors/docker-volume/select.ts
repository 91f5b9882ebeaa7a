import { matchesGlob } from "node:path";
import type { Unit } from "../connector.ts";
import { listContainers, listVolumes, nameOf } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import type { ContainerSummary, Volume } from "./engine/shapes.ts";
import { PROJECT_LABEL } from "./hold/order.ts";
import { OWNER_LABEL } from "./hold/owner.ts";
import type { Choice, DockerVolumeOptions } from "./options.ts";
import { type Source, sourceInput } from "./source.ts";

type Named = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

/**
 * A unit a volume or bind mount, in the order of their names. What the options name and the Engine has not is a unit too,
 * which fails: nothing is left out in silence.
 */
export async function* listUnits(
  engine: Engine,
  given: DockerVolumeOptions,
  signal: AbortSignal,
): AsyncGenerator<Unit> {
  signal.throwIfAborted();
  const volumes = (await listVolumes(engine, signal)).filter(({ Labels }) => Labels[OWNER_LABEL] === undefined);
  const containers = await listContainers(engine, signal);
  const units = new Map<string, Unit>();
  const add = (unit: Unit) => {
    if (!units.has(unit.id)) units.set(unit.id, unit);
  };
  const { found, absent } = chosenSources(given, volumes, containers);
  for (const source of found) add(unitOf(source));
  for (const { id, problem } of absent) add({ id, compute: "fargate", input: { problem } });
  yield* [...units.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function unitOf(source: Source): Unit {
  return { id: source.kind === "volume" ? source.name : source.path, compute: "fargate", input: sourceInput(source) };
}

interface Chosen {
  readonly found: readonly Source[];
  readonly absent: readonly { readonly id: string; readonly problem: string }[];
}

function chosenSources(
  given: DockerVolumeOptions,
  volumes: readonly Volume[],
  containers: readonly ContainerSummary[],
): Chosen {
  const found: Source[] = [];
  const absent: { id: string; problem: string }[] = [];
  const named = choose(
    given.volumes ?? [],
    volumes.map(({ Name, Labels }) => ({ name: Name, labels: Labels })),
  );
  for (const { name } of named.chosen) found.push({ kind: "volume", name });
  // A name that is none of the volumes': reading it says so.
  for (const pattern of named.unmatched) {
    if (isPlain(pattern)) found.push({ kind: "volume", name: pattern });
    else absent.push({ id: shown(pattern), problem: `no volume ${matching(pattern)}` });
  }
  for (const path of given.bind_mounts ?? []) found.push({ kind: "bind", path: normal(path) });

  const byContainer = choose(
    given.containers ?? [],
    containers.map((container) => ({ name: nameOf(container), labels: container.Labels, container })),
  );
  for (const pattern of byContainer.unmatched)
    absent.push({ id: `container:${shown(pattern)}`, problem: `no container ${matching(pattern)}` });
  for (const { name, container } of byContainer.chosen) {
    const mounted = mountsOf(container);
    if (mounted.length === 0) absent.push({ id: `container:${name}`, problem: `the container ${name} mounts nothing` });
    found.push(...mounted);
  }

  for (const project of given.compose_project ?? []) {
    const own = volumes.filter(({ Labels }) => Labels[PROJECT_LABEL] === project);
    const members = containers.filter(({ Labels }) => Labels[PROJECT_LABEL] === project);
    const sources = [...own.map(({ Name }) => ({ kind: "volume", name: Name }) as const), ...members.flatMap(mountsOf)];
    if (sources.length === 0)
      absent.push({
        id: `project:${project}`,
        problem: `no volume and no mount belongs to the Compose project ${project}`,
      });
    found.push(...sources);
  }
  return { found, absent };
}

/** `!pattern` takes out what patterns before and after it chose; a pattern that fits nothing at all is told. */
function choose<T extends Named>(choices: readonly Choice[], from: readonly T[]) {
  const isExclusion = (choice: Choice): choice is string => typeof choice === "string" && choice.startsWith("!");
  const excluded = choices.filter(isExclusion).map((choice) => choice.slice(1));
  const wanted = choices.filter((choice) => !isExclusion(choice));
  const isLeft = (one: T) => !excluded.some((pattern) => fits(pattern, one));
  return {
    chosen: from.filter((one) => wanted.some((choice) => fits(choice, one)) && isLeft(one)),
    unmatched: wanted.filter((choice) => choice !== "all" && !from.some((one) => fits(choice, one))),
  };
}

function fits(choice: Choice, { name, labels }: Named): boolean {
  if (typeof choice !== "string") {
    const [key = "", ...value] = choice.label.split("=");
    return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join("="));
  }
  return choice === "all" || choice === name || matchesGlob(name, choice);
}

const isPlain = (choice: Choice): choice is string => typeof choice === "string" && !/[*?[{]/.test(choice);
const shown = (choice: Choice): string => (typeof choice === "string" ? choice : `label:${choice.label}`);
const matching = (choice: Choice): string =>
  typeof choice === "string" ? `is called ${choice}` : `has the label ${choice.label}`;

/** What lies in memory (tmpfs) and the Engine's own pipes hold nothing to keep. */
function mountsOf({ Mounts }: ContainerSummary): Source[] {
  return Mounts.flatMap(({ Type, Name, Source: path }): Source[] => {
    if (Type === "volume" && Name !== undefined) return [{ kind: "volume", name: Name }];
    return Type === "bind" ? [{ kind: "bind", path: normal(path) }] : [];
  });
}

const normal = (path: string): string => `/${path.split("/").filter(Boolean).join("/")}`;

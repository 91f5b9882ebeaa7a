import type { Engine } from "./engine.ts";
import { EngineRefusal } from "./fault.ts";
import {
  type Container,
  type ContainerSummary,
  containerShape,
  infoShape,
  summariesShape,
  type Volume,
  volumeShape,
  volumesShape,
} from "./shapes.ts";

/** Questions to an Engine. What is not there is undefined. */

const at = (...parts: readonly string[]): string => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

export function listVolumes(engine: Engine, signal: AbortSignal): Promise<readonly Volume[]> {
  const request = { method: "GET", path: "/volumes", signal, what: "does not list its volumes" } as const;
  return engine.ask(request, volumesShape).then(({ Volumes }) => Volumes);
}

export function findVolume(engine: Engine, name: string, signal: AbortSignal): Promise<Volume | undefined> {
  const request = {
    method: "GET",
    path: at("volumes", name),
    signal,
    what: `does not show the volume ${name}`,
  } as const;
  return orAbsent(engine.ask(request, volumeShape));
}

/** Running or not. */
export function listContainers(
  engine: Engine,
  signal: AbortSignal,
  filters: Readonly<Record<string, readonly string[]>> = {},
): Promise<readonly ContainerSummary[]> {
  const query = { all: "1", filters: JSON.stringify(filters) };
  const request = {
    method: "GET",
    path: "/containers/json",
    query,
    signal,
    what: "does not list its containers",
  } as const;
  return engine.ask(request, summariesShape);
}

export function findContainer(engine: Engine, id: string, signal: AbortSignal): Promise<Container | undefined> {
  const path = at("containers", id, "json");
  return orAbsent(
    engine.ask({ method: "GET", path, signal, what: `does not show the container ${id}` }, containerShape),
  );
}

export function engineInfo(engine: Engine, signal: AbortSignal) {
  return engine.ask({ method: "GET", path: "/info", signal, what: "does not say what it is" }, infoShape);
}

/** `name` without the slash that the Engine puts before it. */
export const nameOf = ({ Names, Id }: ContainerSummary): string => Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12);

export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineRefusal && error.status === 404) return undefined;
    throw error;
  }
}

/** One of a container's verbs. Answers the status: 304 says that it was so already. */
export async function command(
  engine: Engine,
  container: { readonly id: string; readonly name: string },
  verb: "pause" | "unpause" | "stop" | "start",
  signal: AbortSignal,
): Promise<number> {
  const path = at("containers", container.id, verb);
  const { status } = await engine.send({ method: "POST", path, signal, what: `does not ${verb} ${container.name}` });
  return status;
}

import { SourceError } from "../../../errors.ts";
import { findContainer, listContainers, nameOf } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import type { Container, ContainerSummary } from "../engine/shapes.ts";
import type { Consistency } from "../options.ts";
import { folderOf, type Source, sourceName, writesBy } from "../source.ts";
import type { Hold } from "./hold.ts";
import { dependenciesFirst } from "./order.ts";

const CONSISTENCY_LABEL = "core-backup.consistency";
const SWARM_LABEL = "com.docker.swarm.service.id";

/**
 * The running containers that may write to the source, and how each is held while it is read: what depends on others
 * first. Who only reads it, and who is paused already, is left alone.
 * @throws SourceError for a container that would not come back from being stopped
 */
export async function planHolds(
  engine: Engine,
  source: Source,
  consistency: Consistency,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const running = (await listContainers(engine, signal)).filter(({ State }) => /^(running|restarting)$/.test(State));
  const folder = await folderOf(engine, source, signal);
  const how = new Map<string, "pause" | "stop">();
  for (const container of running) {
    if (!container.Mounts.some((mount) => writesBy(source, folder, mount))) continue;
    const chosen = consistencyOf(container, consistency);
    if (chosen !== "none") how.set(container.Id, chosen);
  }
  addNetworkGuests(running, how);
  const containers: Container[] = [];
  for (const id of how.keys()) {
    const container = await findContainer(engine, id, signal);
    if (container === undefined) continue;
    if (how.get(id) === "stop") assertComesBack(container, source);
    containers.push(container);
  }
  const ordered = dependenciesFirst(containers).toReversed();
  return ordered.map(({ Id, Name }) => ({ id: Id, name: Name.replace(/^\//, ""), how: how.get(Id) ?? "pause" }));
}

function consistencyOf(container: ContainerSummary, usual: Consistency): Consistency {
  const label = container.Labels[CONSISTENCY_LABEL];
  if (label === undefined) return usual;
  if (label === "none" || label === "pause" || label === "stop") return label;
  throw new SourceError(
    "SOURCE_FAILED",
    `the container ${nameOf(container)} has the label ${CONSISTENCY_LABEL}=${label}, which must be none, pause or stop`,
  );
}

/** Who lives in the network of a container that is stopped would come back without one. */
function addNetworkGuests(running: readonly ContainerSummary[], how: Map<string, "pause" | "stop">): void {
  for (let added = true; added; ) {
    added = false;
    for (const { Id, HostConfig } of running) {
      const host = /^container:(.+)$/.exec(HostConfig.NetworkMode)?.[1];
      if (host === undefined || how.get(host) !== "stop" || how.get(Id) === "stop") continue;
      how.set(Id, "stop");
      added = true;
    }
  }
}

function assertComesBack({ Name, HostConfig, Config }: Container, source: Source): void {
  const name = Name.replace(/^\//, "");
  const refuse = (why: string) => {
    throw new SourceError(
      "SOURCE_FAILED",
      `${sourceName(source)} is not read: its container ${name} ${why}; give it the label ${CONSISTENCY_LABEL}=pause, or none`,
    );
  };
  if (HostConfig.AutoRemove) refuse("was started with --rm, and would be removed by being stopped");
  if (Config.Labels[SWARM_LABEL] !== undefined)
    refuse("belongs to a Swarm service, which would replace it when it is stopped");
}

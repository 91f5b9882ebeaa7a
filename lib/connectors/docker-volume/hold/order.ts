import type { Container } from "../engine/shapes.ts";

/** How one container needs another. */
export interface Need {
  readonly id: string;
  /** Compose: it is not to start before the other one is healthy. */
  readonly healthy: boolean;
}

/** Dependencies before what depends on them. A circle is cut where it is entered. */
export function dependenciesFirst(containers: readonly Container[]): readonly Container[] {
  const ordered: Container[] = [];
  const seen = new Set<string>();
  const visit = (container: Container): void => {
    if (seen.has(container.Id)) return;
    seen.add(container.Id);
    for (const need of needsOf(container, containers)) {
      const needed = containers.find(({ Id }) => Id === need.id);
      if (needed !== undefined) visit(needed);
    }
    ordered.push(container);
  };
  for (const container of containers) visit(container);
  return ordered;
}

/** What `container` needs among `others`: by Compose's depends_on, a shared network, volumes_from, links. */
export function needsOf(container: Container, others: readonly Container[]): readonly Need[] {
  const { HostConfig, Config } = container;
  const byName = (reference: string | undefined) =>
    others.find(({ Id, Name }) => Id === reference || Name === `/${reference?.replace(/^\//, "")}`);
  const plain = [
    /^container:(.+)$/.exec(HostConfig.NetworkMode)?.[1],
    ...HostConfig.VolumesFrom.map((entry) => entry.split(":")[0]),
    ...HostConfig.Links.map((entry) => entry.split(":")[0]),
  ].flatMap((reference) => byName(reference)?.Id ?? []);
  const project = Config.Labels[PROJECT_LABEL];
  const composed = composeNeeds(Config.Labels).flatMap(({ service, healthy }) =>
    others
      .filter(
        (other) => other.Config.Labels[PROJECT_LABEL] === project && other.Config.Labels[SERVICE_LABEL] === service,
      )
      .map(({ Id }) => ({ id: Id, healthy })),
  );
  return [...plain.map((id) => ({ id, healthy: false })), ...composed].filter(({ id }) => id !== container.Id);
}

export const PROJECT_LABEL = "com.docker.compose.project";
const SERVICE_LABEL = "com.docker.compose.service";

/** `db:service_healthy:false,cache:service_started:true` */
function composeNeeds(labels: Readonly<Record<string, string>>) {
  const entries = (labels["com.docker.compose.depends_on"] ?? "").split(",").filter((entry) => entry !== "");
  return entries.map((entry) => {
    const [service, condition] = entry.split(":");
    return { service, healthy: condition === "service_healthy" };
  });
}

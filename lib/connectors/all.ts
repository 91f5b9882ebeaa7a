import type { ConnectorKind } from "./connector.ts";
import { dockerVolume } from "./docker-volume/docker-volume.ts";
import { filesystem } from "./filesystem/filesystem.ts";
import { git } from "./git/git.ts";
import { github } from "./github/github.ts";
import { mongodb } from "./mongodb/mongodb.ts";

/** The services there are, by the name that the configuration uses. */
export const connectors: Readonly<Record<string, ConnectorKind>> = {
  docker_volume: dockerVolume,
  filesystem,
  git,
  github,
  mongodb,
};

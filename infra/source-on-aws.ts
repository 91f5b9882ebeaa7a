import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import { LocationFault, parseLocation } from "../lib/git/location.ts";
import type { Deployed } from "./deployed.ts";
import { hasTasksAsGiven } from "./task-options.ts";

/** What keeps a job's source from being reached by functions, which have nothing of this machine and no program ssh: they list the units also where tasks collect them. */
export function sourceFaults(
  job: Readonly<Record<string, unknown>>,
  path: Path,
  { image }: Pick<Deployed, "image">,
): readonly Issue[] {
  if (!isRecord(job.options)) return [];
  const place = [...path, "options"];
  switch (job.service) {
    case "docker_volume":
      return [
        ...engineFaults(job.options, place),
        ...(hasTasksAsGiven(job.compute, image) ? [] : holdFaults(job.options, place)),
      ];
    case "git":
      return repositoryFaults(job.options, place);
    default:
      return [];
  }
}

const TLS_ONLY = "name one that listens on the network, host: tcp://machine:2376 with tls";

function engineFaults({ host }: Readonly<Record<string, unknown>>, place: Path): readonly Issue[] {
  if (host === undefined)
    return [at(place, `means the Engine of this machine, which functions do not have: ${TLS_ONLY}`)];
  if (typeof host !== "string") return [];
  if (host.startsWith("unix://"))
    return [at([...place, "host"], `is a socket of this machine, which functions do not have: ${TLS_ONLY}`)];
  if (host.startsWith("ssh://"))
    return [at([...place, "host"], `needs the program ssh, which functions do not have: ${TLS_ONLY}`)];
  return [];
}

/** Whoever holds containers, or has commands to run after others, starts a process that does it when he dies himself; in a function there is none. */
function holdFaults(options: Readonly<Record<string, unknown>>, place: Path): readonly Issue[] {
  const message = "is for tasks on AWS: give the job compute: fargate";
  const holds = options.consistency === "pause" || options.consistency === "stop";
  return [
    ...(holds ? [at([...place, "consistency"], message)] : []),
    ...(isFilled(options.exec_before) && isFilled(options.exec_after) ? [at([...place, "exec_before"], message)] : []),
  ];
}

const isFilled = (value: unknown): boolean => Array.isArray(value) && value.length > 0;

function repositoryFaults({ repositories }: Readonly<Record<string, unknown>>, place: Path): readonly Issue[] {
  const entries: readonly unknown[] = Array.isArray(repositories) ? repositories : [];
  return entries.flatMap((entry, index) => {
    const [url, where] = isRecord(entry) ? [entry.url, ["url"]] : [entry, []];
    const fault = typeof url === "string" ? locationFault(url) : undefined;
    return fault === undefined ? [] : [at([...place, "repositories", index, ...where], fault)];
  });
}

function locationFault(url: string): string | undefined {
  switch (kindOf(url)) {
    case "ssh":
      return "needs the program ssh, which functions do not have: use https://, with token_secret or token_ssm where it is private";
    case "local":
      return "is a folder of this machine, which functions do not have: use its https:// URL, or run this job at a desk";
    default:
      return undefined;
  }
}

/** One that is wrong everywhere is told already. */
function kindOf(url: string): string | undefined {
  try {
    return parseLocation(url).kind;
  } catch (error) {
    if (error instanceof LocationFault) return undefined;
    throw error;
  }
}

const at = (path: Path, message: string): Issue => ({ path, isKey: false, message });

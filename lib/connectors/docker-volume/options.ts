import * as z from "zod";
import { secretFields } from "../../config/secret-fields.ts";
import { duration } from "../../config/values.ts";
import { HostFault, parseHost } from "./engine/host.ts";

const text = z.string().min(1, "cannot be empty");
const many = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1, "must name at least one")]).transform((given) => [given].flat() as z.output<T>[]);

const label = z
  .strictObject({ label: text.describe("A label that it has: name, or name=value.") })
  .describe("Those with a label.");
const chosen = many(z.union([text, label], { error: "must be a name, a pattern such as app_*, or { label: … }" }));

const host = text.superRefine((value, context) => {
  try {
    parseHost(value);
  } catch (error) {
    if (!(error instanceof HostFault)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
});

const command = z.strictObject({
  container: text.describe("Name of a running container."),
  command: z.array(z.string()).min(1, "must name a program").describe("Program and arguments. No shell reads them."),
  user: text.optional().describe("User of the container to run it as."),
  timeout: duration.prefault("5m").describe("Longest time for it. Default: 5m."),
});

/** Options of `service: docker_volume`. */
export const dockerVolumeOptions = z
  .strictObject({
    volumes: chosen
      .optional()
      .describe("Volumes: names, patterns (* and ?), !pattern for those to leave out, { label: … }; all is *."),
    bind_mounts: many(text.startsWith("/", "must be an absolute path of the Engine's machine"))
      .optional()
      .describe("Files and folders of the Engine's machine, absolute."),
    containers: chosen.optional().describe("Containers, running or not: all that they mount is backed up."),
    compose_project: many(text)
      .optional()
      .describe("Compose projects: their volumes and all that their containers mount."),
    exclude: many(text)
      .default([])
      .describe("What to leave out, in the syntax of .gitignore, relative to the root of each volume."),
    consistency: z
      .enum(["none", "pause", "stop"])
      .default("none")
      .describe(
        "What is done, while a volume is read, to the running containers that write to it. A container's label core-backup.consistency overrides it. Default: none.",
      ),
    read: z
      .enum(["auto", "engine", "host"])
      .default("auto")
      .describe(
        "Who reads the files: the Engine, or tar on this machine (host), which also keeps attributes, ACLs, fractions of seconds and holes. auto: host where it is safe and possible, and else the Engine. Default: auto.",
      ),
    hold_limit: duration
      .prefault("1h")
      .describe(
        "Longest time that containers stay paused or stopped for one volume; then they go on and the unit fails. Default: 1h.",
      ),
    exec_before: z
      .array(command)
      .default([])
      .describe("Commands in containers, before a volume that they mount is read."),
    exec_after: z
      .array(command)
      .default([])
      .describe("Commands in containers, after the reading, also when it failed."),
    include_env: z
      .boolean()
      .default(false)
      .describe("Store the values of the containers' variables and the passwords in volumes' options. Default: false."),
    host: host
      .optional()
      .describe(
        "The Engine: unix:///path, tcp://machine:2376 or ssh://user@machine. Default: $DOCKER_HOST, then /var/run/docker.sock, then this user's rootless Engine.",
      ),
    tls: z
      .strictObject({ ...secretFields("ca"), ...secretFields("cert"), ...secretFields("key") })
      .optional()
      .describe("Certificates in PEM for tcp://: the authority, and who we are."),
    ssh_key_file: text
      .optional()
      .describe("Private key for ssh://, without a passphrase. Default: what ssh itself would use."),
    ssh_known_hosts_file: text.optional().describe("Known hosts for ssh://. Default: what ssh itself would use."),
  })
  .superRefine((value, context) => {
    const { volumes, bind_mounts, containers, compose_project } = value;
    if ([volumes, bind_mounts, containers, compose_project].every((given) => given === undefined)) {
      context.addIssue({ code: "custom", message: "must name volumes, bind_mounts, containers or compose_project" });
    }
    if (value.tls !== undefined && value.host !== undefined && !value.host.startsWith("tcp://"))
      context.addIssue({ code: "custom", path: ["tls"], message: "is for a host that begins with tcp://" });
    for (const key of ["ssh_key_file", "ssh_known_hosts_file"] as const) {
      if (value[key] !== undefined && value.host?.startsWith("ssh://") !== true)
        context.addIssue({ code: "custom", path: [key], message: "is for a host that begins with ssh://" });
    }
  });

export type DockerVolumeOptions = z.infer<typeof dockerVolumeOptions>;
export type Choice = NonNullable<DockerVolumeOptions["volumes"]>[number];
export type ExecCommand = DockerVolumeOptions["exec_before"][number];
export type Consistency = DockerVolumeOptions["consistency"];

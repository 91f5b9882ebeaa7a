import { existsSync } from "node:fs";
import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { SecretResolver } from "../../secrets/secrets.ts";
import type { EnginePlace } from "./engine/connect.ts";
import { defaultHost, HostFault, parseHost } from "./engine/host.ts";
import type { DockerVolumeOptions } from "./options.ts";

/** Where the job's Engine is, and the certificates for it. @throws ConfigError */
export async function enginePlace(
  given: Pick<DockerVolumeOptions, "host" | "tls" | "ssh_key_file" | "ssh_known_hosts_file">,
  secrets: SecretResolver,
): Promise<EnginePlace> {
  const { host, tls } = given;
  const ssh = { sshKeyFile: given.ssh_key_file, sshKnownHostsFile: given.ssh_known_hosts_file };
  const name = host ?? defaultHost(process.env, existsSync);
  if (tls === undefined) return { host: parsed(name), name, ssh };
  const resolved = async (field: "ca" | "cert" | "key") => {
    const reference = secretOf(tls, field);
    return reference === undefined ? undefined : secrets.resolve(reference);
  };
  const [ca, cert, key] = [await resolved("ca"), await resolved("cert"), await resolved("key")];
  if ((cert === undefined) !== (key === undefined))
    throw new ConfigError(
      "tls: a certificate needs its key, and a key its certificate: give both cert and key, or none",
    );
  return { host: parsed(name), name, ssh, tls: { ca, cert, key } };
}

function parsed(name: string) {
  try {
    return parseHost(name);
  } catch (error) {
    if (!(error instanceof HostFault)) throw error;
    throw new ConfigError(`DOCKER_HOST ${error.message}`, { cause: error });
  }
}

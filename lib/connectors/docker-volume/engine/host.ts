/** Where an Engine listens. */
export type EngineHost =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | {
      readonly kind: "ssh";
      /** `user@machine` or `machine`, as ssh takes it. */
      readonly destination: string;
      readonly port: number | undefined;
      /** The Engine's socket on that machine. */
      readonly path: string;
    };

/** The text names no Engine. */
export class HostFault extends Error {}
Object.defineProperty(HostFault.prototype, "name", { value: "HostFault", enumerable: false });

const SYSTEM_SOCKET = "/var/run/docker.sock";
const FORMS = "unix:///path/of/docker.sock, tcp://machine:2376 or ssh://user@machine";

/** `unix:///run/docker.sock`, `tcp://machine:2376`, `ssh://user@machine:22/run/docker.sock`. @throws HostFault */
export function parseHost(text: string): EngineHost {
  const path = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["tcp:", "ssh:"].includes(url.protocol)) throw new HostFault(`must be ${FORMS}`);
  const { hostname, username, password, pathname, search, hash } = url;
  if (password !== "") throw new HostFault("must hold no password: it would be seen in the process list");
  if (hostname === "" || search !== "" || hash !== "") throw new HostFault(`must be ${FORMS}`);
  const port = url.port === "" ? undefined : Number(url.port);
  if (url.protocol === "ssh:") return sshHost(decodeURIComponent(username), hostname, port, pathname);
  if (port === undefined) throw new HostFault("must name a port: 2376 with TLS, 2375 without");
  if (username !== "" || !["", "/"].includes(pathname)) throw new HostFault(`must be ${FORMS}`);
  return { kind: "tcp", host: hostname.replace(/^\[|\]$/g, ""), port };
}

function sshHost(user: string, machine: string, port: number | undefined, path: string): EngineHost {
  // What begins with a dash would be an option of ssh.
  if (!/^[\w.:[\]-]+$/.test(machine) || machine.startsWith("-") || !/^(?!-)[\w.@+-]*$/.test(user))
    throw new HostFault("must name a machine and a user of plain letters");
  return {
    kind: "ssh",
    destination: user === "" ? machine : `${user}@${machine}`,
    port,
    path: ["", "/"].includes(path) ? SYSTEM_SOCKET : decodeURIComponent(path),
  };
}

/** What is used where the configuration names no host: as the docker command does, and else the rootless Engine of this user. */
export function defaultHost(
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): string {
  if (env.DOCKER_HOST) return env.DOCKER_HOST;
  const rootless = env.XDG_RUNTIME_DIR ? `${env.XDG_RUNTIME_DIR}/docker.sock` : undefined;
  return !exists(SYSTEM_SOCKET) && rootless !== undefined && exists(rootless)
    ? `unix://${rootless}`
    : `unix://${SYSTEM_SOCKET}`;
}

/** True where everybody on the way can read and change what is sent. */
export function isPlaintext(host: EngineHost, hasTls: boolean): boolean {
  return host.kind === "tcp" && !hasTls && !/^(localhost|127\.|::1$)/.test(host.host);
}

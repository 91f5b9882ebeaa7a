import { Agent } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { checkEgress } from "../../../network/egress.ts";
import { tunnelFor } from "../../../network/proxies.ts";
import { openTunnel } from "../../../network/tunnel.ts";
import type { SshFiles } from "../../../ssh-options.ts";
import type { EngineHost } from "./host.ts";
import { forwardSocket } from "./ssh.ts";

/** Certificates in PEM. `ca` alone checks the Engine; `cert` and `key` show who we are. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** All that it takes to reach an Engine. Plain JSON: the guard is given it too. */
export interface EnginePlace {
  readonly host: EngineHost;
  /** As the operator wrote it, for messages. */
  readonly name: string;
  readonly tls?: TlsFiles | undefined;
  readonly ssh: SshFiles;
}

export interface Connection {
  readonly agent: Agent;
  close(): Promise<void>;
}

/** A machine that swallows packets answers nothing at all. */
const CONNECT_MS = 30_000;

/** Nothing is connected yet, except with ssh. @throws SourceError | TransientError */
export async function openConnection({ host, tls, ssh, name }: EnginePlace, signal: AbortSignal): Promise<Connection> {
  if (host.kind === "ssh") {
    checkEgress(host.destination.slice(host.destination.indexOf("@") + 1), host.port ?? 22);
    const forward = await forwardSocket(host, ssh, name, signal);
    return pool(() => connect({ path: forward.path }), forward.close);
  }
  if (host.kind === "unix") return pool(() => connect({ path: host.path }));
  const { port } = host;
  checkEgress(host.host, port);
  const servername = isIP(host.host) === 0 ? host.host : undefined;
  const secure = (way: { readonly socket: Socket } | { readonly host: string; readonly port: number }) =>
    connectTls({ ...way, ...tls, ...(servername && { servername }) });
  const proxy = tunnelFor(host.host, port, tls !== undefined);
  if (proxy !== undefined) {
    return tunnelled(() => openTunnel(proxy, host.host, port, CONNECT_MS), tls === undefined ? undefined : secure);
  }
  const direct = { host: host.host, port };
  return pool(() => impatient(tls === undefined ? connect(direct) : secure(direct)));
}

function pool(open: () => Socket, close: () => Promise<void> = async () => {}): Connection {
  return pooled(() => open(), close);
}

function tunnelled(
  open: () => Promise<Socket>,
  secure: ((way: { readonly socket: Socket }) => Socket) | undefined,
): Connection {
  return pooled((_, done) => {
    open().then(
      (socket) => done?.(null, secure === undefined ? socket : secure({ socket })),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error)), undefined as never),
    );
    return undefined;
  });
}

function pooled(open: Agent["createConnection"], close: () => Promise<void> = async () => {}): Connection {
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = open;
  return {
    agent,
    async close() {
      agent.destroy();
      await close();
    },
  };
}

function impatient(socket: Socket): Socket {
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  const calm = () => clearTimeout(timer);
  return socket.once("connect", calm).once("close", calm);
}

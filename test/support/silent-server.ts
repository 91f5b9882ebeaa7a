import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

interface SilentServer extends AsyncDisposable {
  readonly port: number;
  /** How long each of those that came in stayed, in milliseconds, once all have hung up. */
  stayed(): Promise<readonly number[]>;
}

/** A server that lets everyone in and says nothing. */
export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const stays: Promise<number>[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.resume();
    const begun = performance.now();
    stays.push(new Promise((ended) => socket.once("close", () => ended(performance.now() - begun))));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stayed: () => Promise.all(stays),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

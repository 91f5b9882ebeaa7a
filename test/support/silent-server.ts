import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

interface SilentServer extends AsyncDisposable {
  readonly port: number;
  /** How many came in, and how many of them it was that hung up. */
  readonly calls: { readonly begun: number; readonly hungUp: number };
}

/** A server that lets everyone in and says nothing. */
export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const calls = { begun: 0, hungUp: 0 };
  const server = createServer((socket) => {
    sockets.add(socket);
    calls.begun += 1;
    socket.resume();
    socket.once("close", () => {
      calls.hungUp += 1;
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

import assert from "node:assert/strict";
import { once } from "node:events";
import { rename } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { git } from "../../lib/connectors/git/git.ts";
import { type ConnectorSubject, connectorContract } from "../contract/connector.ts";
import { aGitFolder, aRepository, gitSync, showRef } from "../support/git-repository.ts";
import { startGitServer } from "../support/git-server.ts";

for (const protocol of ["v2", "v0", "dumb"] as const) {
  connectorContract(`git over http, ${protocol}`, {
    kind: git,
    make: () => served(protocol),
    sameBytes: false,
    silent: mute,
  });
}
connectorContract("git on a local path", { kind: git, make: local, sameBytes: false });

async function local(): Promise<ConnectorSubject> {
  const folder = await aGitFolder();
  const path = await aRepository(folder.path, { bigFileBytes: 2_000_000 });
  return subject(path, { repositories: [path] }, async () => {
    await folder[Symbol.asyncDispose]();
  });
}

async function served(protocol: "v2" | "v0" | "dumb"): Promise<ConnectorSubject> {
  const folder = await aGitFolder();
  const path = await aRepository(folder.path, { bigFileBytes: 2_000_000 });
  gitSync(path, ["update-server-info"]);
  const server = await startGitServer(folder.path);
  server.switches.protocol = protocol;
  return subject(path, { repositories: [`${server.url}/app.git`] }, async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
}

function subject(path: string, options: unknown, dispose: () => Promise<void>): ConnectorSubject {
  const refs = showRef(path);
  return {
    options,
    vanish: () => rename(path, `${path}.gone`),
    async assertRestored(_unit, _item, into, paths) {
      assert.deepEqual(paths, ["repository.git"]);
      const restored = join(into, "repository.git");
      assert.equal(showRef(restored), refs);
      gitSync(restored, ["fsck", "--full", "--strict"]);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Takes connections and says nothing. */
async function mute(): Promise<AsyncDisposable & { readonly options: unknown }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    options: { repositories: [`http://127.0.0.1:${port}/app.git`] },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

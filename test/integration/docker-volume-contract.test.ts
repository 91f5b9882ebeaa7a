import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { dockerVolume } from "../../lib/connectors/docker-volume/docker-volume.ts";
import { connectorContract } from "../contract/connector.ts";
import { type DockerEngine, dockerMissing, startDockerEngine } from "../support/docker-engine.ts";
import { describeTree, makePlainTree, temporaryFolder } from "../support/files-source.ts";

describe("docker_volume with a real Engine", { skip: dockerMissing() }, () => {
  let engine: DockerEngine;
  let made = 0;
  before(async () => {
    engine = await startDockerEngine();
  });
  after(() => engine[Symbol.asyncDispose]());

  connectorContract("docker_volume", {
    kind: dockerVolume,
    sameBytes: true,
    flipAt: () => 0,
    async make() {
      made += 1;
      const volume = `contract_${made}`;
      await engine.docker("volume", "create", volume);
      const root = await engine.folderOf(volume);
      await makePlainTree(root);
      return {
        options: { host: engine.host, volumes: volume },
        vanish: async () => void (await engine.docker("volume", "rm", volume)),
        async assertRestored(_unit, item, folder, paths) {
          if (item.name === "volume.json") assert.deepEqual(paths, ["volume.json"]);
          else assert.deepEqual(await contents(join(folder, "files")), await contents(root));
        },
        async [Symbol.asyncDispose]() {
          await engine.docker("volume", "rm", "--force", volume);
          // Nothing of ours may be left: no container, no volume.
          assert.equal(await engine.docker("ps", "--all", "--quiet"), "");
          assert.equal(await engine.docker("volume", "ls", "--quiet"), "");
        },
      };
    },
    silent: mute,
  });
});

/** To the second, which is what Engines keep. */
async function contents(root: string): Promise<readonly string[]> {
  return (await describeTree(root)).map((line) => line.replace(/(mtime \d+)\d{9}/, "$1"));
}

/** Takes connections and says nothing. */
async function mute(): Promise<AsyncDisposable & { readonly options: unknown }> {
  const folder = await temporaryFolder("docker-mute-");
  const path = join(folder.path, "s");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    options: { host: `unix://${path}`, volumes: "all" },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await folder[Symbol.asyncDispose]();
    },
  };
}

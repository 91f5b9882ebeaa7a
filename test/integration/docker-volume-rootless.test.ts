import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { configured, coreBackup, document, temporaryFolder } from "../e2e/core-backup.ts";
import { type DockerEngine, rootlessMissing, startDockerEngine } from "../support/docker-engine.ts";

const SOCKET = "/var/run/docker.sock";

describe("a rootless Engine", { skip: rootlessMissing() }, () => {
  let engine: DockerEngine;
  before(async () => {
    engine = await startDockerEngine([], { rootless: true });
  });
  after(() => engine?.[Symbol.asyncDispose]());

  /** What busybox does in a container with the volume at /data. */
  async function inContainer(volume: string, script: string): Promise<string> {
    const name = `of-${volume}`;
    await engine.runs(name, script, "--volume", `${volume}:/data`);
    assert.equal(await engine.docker("wait", name), "0", await engine.docker("logs", name));
    const said = await engine.docker("logs", name);
    await engine.docker("rm", name);
    return said;
  }
  const listing = (volume: string) =>
    inContainer(
      volume,
      "cd /data; busybox find . | busybox sort | busybox xargs busybox stat -c '%n %f %u %g %h %Y %s'",
    );

  test("is found by its socket; owners are those of its containers, in full proof and in a restored volume", async (t) => {
    await engine.docker("volume", "create", "mine");
    await inContainer(
      "mine",
      "busybox mkdir -p /bin; cd /data; echo hello >file; busybox chown 70:71 file; busybox ln file second; busybox ln -s file link; busybox mkdir -m 2750 folder; busybox chown 1000:0 folder; busybox touch -d '2020-01-02 03:04:05' folder file",
    );
    const folder = await temporaryFolder(t);
    // A system Engine goes first, as for the docker command.
    const host = existsSync(SOCKET) ? { host: engine.host } : {};
    const job = { name: "volumes", service: "docker_volume", options: { volumes: "mine", ...host } };
    const file = await configured(
      folder,
      JSON.stringify({
        jobs: [{ ...job, verify: { prove: "full" } }],
        storage: { local: { type: "filesystem", base_path: join(folder, "store") } },
      }),
    );
    const env = { DOCKER_HOST: undefined, XDG_RUNTIME_DIR: dirname(engine.socket) };
    const command = (...args: readonly string[]) => coreBackup([...args, "--config", file, "--json"], { env });
    const run = await command("run");
    assert.equal(run.code, 0, run.stderr);
    const { jobs, runs } = Object(document(run));
    assert.equal(runs[0].units[0].artifacts[0].facts.readBy, "engine", "who is root outside sees other owners");
    assert.equal(jobs[0].verification.artifacts[0].proof.level, "full");
    const restored = await command("restore", "--job", "volumes", "--to-volume", "again");
    assert.equal(restored.code, 0, restored.stderr);
    const before = await listing("mine");
    assert.match(before, /file 81a4 70 71 2 1577934245 6/);
    assert.equal(await listing("again"), before);
  });
});

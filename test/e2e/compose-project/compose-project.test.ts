import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { unitFolder } from "../../../lib/keys.ts";
import { BUSYBOX_IMAGE, type DockerEngine, dockerMissing, startDockerEngine } from "../../support/docker-engine.ts";
import { configured, coreBackup, document, temporaryFolder } from "../core-backup.ts";

/** `docker compose`, or the older program of its own. */
const composeCommand = (): readonly string[] | undefined =>
  [["docker", "compose"], ["docker-compose"]].find(([program = "", ...args]) => {
    try {
      execFileSync(program, [...args, "version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
const noCompose = composeCommand() === undefined && process.env.CI !== "true" && "docker-compose is not installed";

describe("a Compose project, from running containers to running containers", {
  skip: dockerMissing() || noCompose,
}, () => {
  let engine: DockerEngine;
  before(async () => {
    engine = await startDockerEngine();
  });
  after(() => engine?.[Symbol.asyncDispose]());

  test("its volumes and folders are read while its containers are held in their order, and come back into new ones", async (t) => {
    const folder = await temporaryFolder(t);
    const settings = join(folder, "settings");
    await mkdir(settings);
    await writeFile(join(settings, "app.conf"), "color = blue\n");
    const compose = await composeFile(folder, settings);
    await engine.docker("volume", "create", "unrelated");
    await compose("up", "--detach");
    await written(engine, "shop_data", "/data/rows");
    await written(engine, "shop_web", "/uploads/picture");

    const job = { name: "shop", service: "docker_volume" };
    const options = { host: engine.host, compose_project: "shop", consistency: "pause" };
    const file = await configured(
      folder,
      JSON.stringify({
        jobs: [{ ...job, options, verify: { prove: "full" } }],
        storage: { local: { type: "filesystem", base_path: join(folder, "store") } },
      }),
    );
    const command = (...args: readonly string[]) => coreBackup([...args, "--config", file, "--json"]);

    const planned = await command("plan");
    assert.equal(planned.code, 0, planned.stderr);
    const run = await command("run");
    assert.equal(run.code, 0, run.stderr);
    const [{ units }] = Object(document(run)).runs;
    assert.deepEqual(
      units.map(({ id }: { id: string }) => id).toSorted(),
      [settings, "shop_rows", "shop_uploads"].toSorted(),
    );
    const held = (id: string) =>
      Object.keys(units.find((unit: { id: string }) => unit.id === id).artifacts[0].facts.held ?? {});
    assert.deepEqual(held("shop_rows"), ["shop_data"]);
    assert.deepEqual(held("shop_uploads"), ["shop_web"]);
    for (const name of ["shop_data", "shop_web"]) assert.equal(await engine.state(name), "running");

    const rows = await engine.docker("exec", "shop_data", "/bin/busybox", "cat", "/data/rows");
    await compose("down", "--volumes");
    assert.doesNotMatch(await engine.docker("volume", "ls", "--quiet"), /shop_/);
    for (const volume of ["shop_rows", "shop_uploads"]) {
      const restored = await command("restore", "--job", "shop", "--unit", volume, "--to-volume", volume);
      assert.equal(restored.code, 0, restored.stderr);
      // Compose takes a volume for its own by its labels, and would warn of one that is not.
      const label = '{{index .Labels "com.docker.compose.project"}}';
      assert.equal(await engine.docker("volume", "inspect", "--format", label, volume), "shop");
    }
    await compose("up", "--detach");
    assert.equal(await engine.docker("exec", "shop_data", "/bin/busybox", "cat", "/data/rows"), rows);
    const owner = await engine.docker("exec", "shop_web", "/bin/busybox", "stat", "-c", "%u:%a", "/uploads/picture");
    assert.equal(owner, "33:640");

    const to = join(folder, "restored");
    const all = await command("restore", "--job", "shop", "--to", to);
    assert.equal(all.code, 0, all.stderr);
    assert.equal(await readFile(join(to, unitFolder(settings), "files/app.conf"), "utf8"), "color = blue\n");
    await compose("down", "--volumes");
  });

  /** Two services that write once and wait, one of which depends on the other. Answers what runs docker-compose on it. */
  async function composeFile(folder: string, settings: string) {
    const waits = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done";
    const service = (script: string, more: object) => ({
      image: BUSYBOX_IMAGE,
      command: ["/bin/busybox", "sh", "-c", `${script}; ${waits}`],
      network_mode: "none",
      stop_grace_period: "1s",
      ...more,
    });
    const project = {
      version: "2.4",
      services: {
        data: service("[ -e /data/rows ] || /bin/busybox date >/data/rows", {
          container_name: "shop_data",
          volumes: ["rows:/data"],
        }),
        web: service(
          "umask 027; [ -e /uploads/picture ] || { echo png >/uploads/picture; /bin/busybox chown 33 /uploads/picture; }",
          {
            container_name: "shop_web",
            volumes: ["uploads:/uploads", `${settings}:/etc/app:ro`],
            depends_on: ["data"],
          },
        ),
      },
      volumes: { rows: {}, uploads: {} },
    };
    const file = join(folder, "docker-compose.yml");
    await writeFile(file, JSON.stringify(project));
    const env = { PATH: process.env.PATH, HOME: folder, DOCKER_HOST: engine.host };
    const [program = "", ...before] = composeCommand() ?? [];
    return (...args: readonly string[]) =>
      promisify(execFile)(program, [...before, "--project-name", "shop", "--file", file, ...args], { env });
  }
});

/** Until the container has written the file. */
async function written(engine: DockerEngine, container: string, path: string): Promise<void> {
  const script = `while [ ! -s ${path} ]; do /bin/busybox sleep 0.05; done`;
  await engine.docker("exec", container, "/bin/busybox", "sh", "-c", script);
}

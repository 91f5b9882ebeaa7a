import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { link, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { dockerVolume } from "../../lib/connectors/docker-volume/docker-volume.ts";
import { SourceError } from "../../lib/errors.ts";
import { collectAll, connect, context, never } from "../contract/connector.ts";
import { configured, coreBackup, document, type Ended, temporaryFolder } from "../e2e/core-backup.ts";
import { oddPieces } from "../support/bytes.ts";
import { BUSYBOX_IMAGE, type DockerEngine, dockerMissing, startDockerEngine } from "../support/docker-engine.ts";
import { describeTree, listenAt, makePeculiarTree } from "../support/files-source.ts";

const SLEEPS = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done";
const CANARY = "canary-4f1e-password";

describe("docker_volume, from configuration to a restored volume", { skip: dockerMissing() }, () => {
  let engine: DockerEngine;
  before(async () => {
    engine = await startDockerEngine();
  });
  after(() => engine[Symbol.asyncDispose]());

  async function config(t: TestContext, options: object, verify: string = "true") {
    const folder = await temporaryFolder(t);
    const job = { name: "volumes", service: "docker_volume", options: { host: engine.host, ...options } };
    const yaml = JSON.stringify({
      jobs: [{ ...job, verify: { prove: JSON.parse(verify) } }],
      storage: { local: { type: "filesystem", base_path: join(folder, "store") } },
    });
    const file = await configured(folder, yaml);
    const command = (...args: readonly string[]) => coreBackup([...args, "--config", file, "--json"]);
    return { folder, command };
  }

  async function units(options: object): Promise<readonly string[]> {
    const connector = await connect({ kind: dockerVolume }, { host: engine.host, ...options });
    const found = await Array.fromAsync(connector.units(never()));
    await connector.cleanup();
    return found.map(({ id, input }) => (input.problem === undefined ? id : `${id}: ${input.problem}`));
  }

  for (const read of ["engine", "host"] as const) {
    test(`every kind of entry comes back from a volume read by ${read}: in a new volume, in a folder, and in full proof`, async (t) => {
      const volume = `every_${read}`;
      await engine.docker("volume", "create", "--label", "team=ops", volume);
      const root = await engine.folderOf(volume);
      const { absent } = await makePeculiarTree(root);
      for (const what of absent) t.diagnostic(`not on this machine: ${what}`);
      await smallerHole(root);
      execFileSync("chown", ["70:71", root]);
      execFileSync("chmod", ["2750", root]);
      const { command, folder } = await config(t, { volumes: volume, read }, '"full"');
      const run = await command("run");
      assert.equal(run.code, 0, run.stderr);
      assert.equal(Object(document(run)).jobs[0].verification.artifacts[0].proof.level, "full");

      const comparable = (tree: readonly string[]) => (read === "host" ? tree : tree.map(asAnEngineKeepsIt));
      const expected = comparable(await describeTree(root));
      const toVolume = await command("restore", "--job", "volumes", "--to-volume", `${volume}_again`);
      assert.equal(toVolume.code, 0, toVolume.stderr);
      assert.deepEqual(comparable(await describeTree(await engine.folderOf(`${volume}_again`))), expected);
      assert.equal(await engine.docker("volume", "inspect", "--format", "{{.Labels.team}}", `${volume}_again`), "ops");
      const toFolder = await command("restore", "--job", "volumes", "--to", join(folder, "to"));
      assert.equal(toFolder.code, 0, toFolder.stderr);
      assert.deepEqual(comparable(await describeTree(join(folder, "to", volume, "files"))), expected);
      const holes = execFileSync("du", ["-k", join(folder, "to", volume, "files/sparse")], { encoding: "utf8" });
      assert.ok(Number.parseInt(holes, 10) < 1_000, `the holes were filled: ${holes}`);
    });
  }

  test("into a volume of an Engine that lets nobody else in, an archive goes through the Engine", async (t) => {
    await engine.docker("volume", "create", "through");
    const root = await engine.folderOf("through");
    await makePeculiarTree(root);
    await smallerHole(root);
    const { command } = await config(t, { volumes: "through", read: "engine" });
    assert.equal((await command("run")).code, 0);
    // Who runs with the volume is why tar may not.
    await engine.runs("user", SLEEPS, "--volume", "through_again:/data");
    const refused = await command("restore", "--job", "volumes", "--to-volume", "through_again");
    assert.equal(refused.code, 2);
    assert.match(refused.stdout, /in use by user/);
    const forced = await command("restore", "--job", "volumes", "--to-volume", "through_again", "--force");
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stdout, /by the Engine/);
    const seen = async (volume: string) => (await describeTree(await engine.folderOf(volume))).map(asPutByAnEngine);
    assert.deepEqual(await seen("through_again"), await seen("through"));
    await engine.docker("rm", "--force", "user");
  });

  test("a volume that is not empty is refused without --force; an ended container does not matter", async (t) => {
    await engine.docker("volume", "create", "filled");
    await writeFile(join(await engine.folderOf("filled"), "new"), "newer");
    await engine.docker("volume", "create", "small");
    await writeFile(join(await engine.folderOf("small"), "old"), "older");
    const { command } = await config(t, { volumes: "small" });
    assert.equal((await command("run")).code, 0);
    const refused = await command("restore", "--job", "volumes", "--unit", "small", "--to-volume", "filled");
    assert.equal(refused.code, 2);
    assert.match(refused.stdout, /not empty/);
    await assert.rejects(readFile(join(await engine.folderOf("filled"), "old")));
    const forced = await command("restore", "--job", "volumes", "--unit", "small", "--to-volume", "filled", "--force");
    assert.equal(forced.code, 0, forced.stderr);
    assert.equal(await readFile(join(await engine.folderOf("filled"), "old"), "utf8"), "older");

    await engine.docker("volume", "create", "ended");
    await engine.runs("ended", "exit 0", "--volume", "ended:/data");
    await engine.docker("wait", "ended");
    const taken = await command("restore", "--job", "volumes", "--to-volume", "ended");
    assert.equal(taken.code, 0, taken.stderr);
    await engine.docker("rm", "ended");
  });

  test("excluded are the same entries as on a file system, and a hard link from outside of them keeps the content", async () => {
    await engine.docker("volume", "create", "excluding");
    const root = await engine.folderOf("excluding");
    await mkdir(join(root, "cache/deep"), { recursive: true });
    await mkdir(join(root, "zz"));
    await writeFile(join(root, "cache/deep/shared"), "kept by its other names");
    await writeFile(join(root, "cache/only"), "gone");
    await writeFile(join(root, "keep.log"), "kept");
    await writeFile(join(root, "other.log"), "gone");
    await link(join(root, "cache/deep/shared"), join(root, "zz/second"));
    await link(join(root, "cache/deep/shared"), join(root, "zz/third"));
    await link(join(root, "cache/only"), join(root, "excluded.log"));
    const exclude = ["cache/", "*.log", "!keep.log"];
    for (const read of ["engine", "host"]) {
      const connector = await connect(
        { kind: dockerVolume },
        { host: engine.host, volumes: "excluding", exclude, read },
      );
      const [unit] = await Array.fromAsync(connector.units(never()));
      assert.ok(unit !== undefined);
      const [{ bytes, artifact } = {}] = await collectAll(connector, unit);
      assert.ok(bytes !== undefined && artifact !== undefined);
      const listed = execFileSync("tar", ["-tf", "-"], { input: bytes, encoding: "utf8" });
      assert.deepEqual(
        listed.trim().split("\n").sort(),
        ["./", "./keep.log", "./zz/", "./zz/second", "./zz/third"],
        read,
      );
      const folder = await mkdtemp(join(tmpdir(), "excluding-"));
      execFileSync("tar", ["-xf", "-", "-C", folder], { input: bytes });
      assert.equal(await readFile(join(folder, "zz/third"), "utf8"), "kept by its other names");
      assert.match(execFileSync("stat", ["-c", "%h", join(folder, "zz/second")], { encoding: "utf8" }), /^2$/m);
      await rm(folder, { recursive: true });
      const proof = await connector.prove(artifact, oddPieces(bytes), { full: true, signal: never() });
      assert.equal(proof.level, "full");
      await connector.cleanup();
    }
  });

  test("volumes are chosen by name, pattern, label and container, bind mounts by path; what is not there fails by name", async () => {
    for (const [name, label] of [
      ["web_data", "backup=daily"],
      ["web_cache", "backup=never"],
      ["solo", "x=y"],
    ] as const)
      await engine.docker("volume", "create", "--label", label, name);
    await engine.runs(
      "web",
      SLEEPS,
      "--volume",
      "web_data:/a",
      "--volume",
      "/srv:/b:ro",
      "--volume",
      "/anonymous",
      "--tmpfs",
      "/t",
    );
    const anonymous = (await engine.docker("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", "web"))
      .split(" ")
      .find((name) => /^[0-9a-f]{64}$/.test(name));
    const project = ["--label", "com.docker.compose.project=shop"];
    await engine.docker("volume", "create", ...project, "shop_unused");
    await engine.runs("shop-1", SLEEPS, "--volume", "solo:/a", ...project);
    assert.deepEqual(await units({ volumes: ["web_*", "!*_cache"] }), ["web_data"]);
    assert.deepEqual(await units({ volumes: { label: "backup=daily" } }), ["web_data"]);
    assert.deepEqual(await units({ volumes: [{ label: "backup" }] }), ["web_cache", "web_data"]);
    assert.deepEqual(await units({ containers: "web" }), ["/srv", anonymous, "web_data"]);
    assert.deepEqual(await units({ compose_project: "shop" }), ["shop_unused", "solo"]);
    assert.deepEqual(await units({ bind_mounts: ["/srv/", "/etc/hostname"] }), ["/etc/hostname", "/srv"]);
    assert.ok((await units({ volumes: "all" })).includes(String(anonymous)));
    assert.deepEqual(
      await units({ volumes: ["none_*", "absent"], containers: ["nobody"], compose_project: "nothing" }),
      [
        "absent",
        "container:nobody: no container is called nobody",
        "none_*: no volume is called none_*",
        "project:nothing: no volume and no mount belongs to the Compose project nothing",
      ],
    );
    const connector = await connect({ kind: dockerVolume }, { host: engine.host, volumes: ["none_*", "absent"] });
    for await (const unit of connector.units(never()))
      await assert.rejects(
        collectAll(connector, unit),
        (error) => error instanceof SourceError && error.code === "SOURCE_NOT_FOUND",
      );
    await connector.cleanup();
    assert.doesNotMatch(await engine.docker("volume", "ls"), /absent/, "a volume was made by asking for it");
    await engine.docker("rm", "--force", "--volumes", "web", "shop-1");
  });

  test("a bind mount is a folder, a file, or a socket that is skipped; one that is not there fails", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "dir"));
    await writeFile(join(folder, "dir/a"), "a");
    await writeFile(join(folder, "file.conf"), "content");
    await symlink("dir", join(folder, "link"));
    await using _ = await listenAt(join(folder, "socket"));
    const collect = async (path: string) => {
      const connector = await connect({ kind: dockerVolume }, { host: engine.host, bind_mounts: path });
      const [unit] = await Array.fromAsync(connector.units(never()));
      assert.ok(unit !== undefined);
      try {
        const [{ bytes } = {}] = await collectAll(connector, unit);
        return execFileSync("tar", ["-tf", "-"], { input: bytes, encoding: "utf8" }).trim().split("\n").sort();
      } finally {
        await connector.cleanup();
      }
    };
    assert.deepEqual(await collect(join(folder, "dir")), ["./", "./a"]);
    assert.deepEqual(await collect(join(folder, "file.conf")), ["file.conf"]);
    assert.deepEqual(await collect(join(folder, "link")), ["./", "./a"]);
    await assert.rejects(
      collect(join(folder, "socket")),
      (error) => error instanceof SourceError && error.code === "SOURCE_EMPTY",
    );
    await assert.rejects(
      collect(join(folder, "none")),
      (error) => error instanceof SourceError && /none/.test(error.message),
    );
  });

  test("a volume with a driver's options is read by the Engine, and made again with them", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "share"));
    await writeFile(join(folder, "share/on the share"), "x");
    const options = ["type=none", "o=bind", `device=${join(folder, "share")}`].flatMap((option) => ["--opt", option]);
    await engine.docker("volume", "create", ...options, "mounted");
    const { command } = await config(t, { volumes: "mounted" });
    const run = await command("run");
    assert.equal(run.code, 0, run.stderr);
    assert.equal(Object(document(run)).runs[0].units[0].artifacts[0].facts.readBy, "engine");
    await engine.docker("volume", "rm", "mounted");
    await rm(join(folder, "share/on the share"));
    const restored = await command("restore", "--job", "volumes", "--to-volume", "mounted");
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal(await readFile(join(folder, "share/on the share"), "utf8"), "x");
    assert.match(await engine.docker("volume", "inspect", "mounted"), /"o": "bind"/);
    await engine.docker("volume", "rm", "mounted");
  });

  test("a volume that has no room for the archive is said to be full, and one made for it is gone again", async (t) => {
    const folder = join(await temporaryFolder(t), "mounted");
    await mkdir(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]);
    // Before the folder is removed: hooks run in the order in which they were given.
    using _ = { [Symbol.dispose]: () => void execFileSync("umount", ["--lazy", folder]) };
    const options = ["type=none", "o=bind", `device=${folder}`].flatMap((option) => ["--opt", option]);
    await engine.docker("volume", "create", ...options, "tight");
    await writeFile(join(folder, "noise"), randomBytes(4_000_000));
    const { command } = await config(t, { volumes: "tight" });
    assert.equal((await command("run")).code, 0);
    await rm(join(folder, "noise"));
    execFileSync("mount", ["-o", "remount,size=1m", folder]);
    const volumes = async () => (await engine.docker("volume", "ls", "--quiet")).split("\n");
    for (const [name, isThere] of [
      ["tight", true],
      ["made", false],
    ] as const) {
      const restored = await command("restore", "--job", "volumes", "--to-volume", name);
      assert.equal(restored.code, 1);
      assert.match(restored.stdout, /STORAGE_FULL.*no space left/s);
      assert.equal((await volumes()).includes(name), isThere, name);
      await rm(join(folder, "noise"), { force: true });
    }
    await engine.docker("volume", "rm", "tight");
  });

  test("the definitions of volume, containers and networks are stored; values of variables are not, unless asked for", async (t) => {
    await engine.docker("volume", "create", "described");
    await engine.runs("described", SLEEPS, "--volume", "described:/data", "--env", `DB_PASSWORD=${CANARY}`);
    // Created and not run: nobody serves the share, nor listens to the log.
    const share = [
      "type=volume,src=share,dst=/share,volume-driver=local,volume-opt=type=cifs,volume-opt=device=//none/share",
      `"volume-opt=o=username=u,password=${CANARY}"`,
    ];
    await engine.docker(
      ...["create", "--name", "sharing", "--network", "none", "--volume", "described:/data", "--mount", share.join()],
      ...["--log-driver", "splunk", "--log-opt", "splunk-url=https://127.0.0.1:1"],
      ...["--log-opt", `splunk-token=${CANARY}`, BUSYBOX_IMAGE, "/bin/busybox"],
    );
    const { command, folder } = await config(t, { volumes: "described" });
    const run = await command("run");
    assert.equal(run.code, 0, run.stderr);
    assert.equal((await command("restore", "--job", "volumes", "--to", join(folder, "to"))).code, 0);
    const definition = JSON.parse(await readFile(join(folder, "to/described/volume.json"), "utf8"));
    assert.equal(definition.volume.Driver, "local");
    assert.equal(definition.containers[0].Name, "described");
    assert.ok(definition.containers[0].Config.Env.includes("DB_PASSWORD=***"));
    assert.equal(definition.networks[0].Name, "none");
    const { Mounts, LogConfig } = definition.containers[1].HostConfig;
    assert.equal(Mounts[0].VolumeOptions.DriverConfig.Options.o, "username=u,password=***");
    assert.deepEqual(LogConfig.Config, { "splunk-token": "***", "splunk-url": "https://127.0.0.1:1" });
    const everything = execFileSync("sh", [
      "-c",
      `cat ${folder}/store/volumes/*/*/manifest.json ${folder}/to/described/*.json`,
    ]);
    assert.ok(!`${everything}${run.stdout}${run.stderr}`.includes(CANARY));
    const open = await config(t, { volumes: "described", include_env: true });
    assert.equal((await open.command("run")).code, 0);
    assert.equal((await open.command("restore", "--job", "volumes", "--to", join(open.folder, "to"))).code, 0);
    assert.match(await readFile(join(open.folder, "to/described/volume.json"), "utf8"), new RegExp(CANARY));
    await engine.docker("rm", "--force", "described", "sharing");
    await engine.docker("volume", "rm", "share");
  });

  test("a user who may not open the socket is told what to do", async (t) => {
    const folder = await temporaryFolder(t);
    execFileSync("chmod", ["755", folder, engine.folder]);
    execFileSync("chmod", ["660", engine.socket]);
    const connector = await connect({ kind: dockerVolume }, { host: engine.host, volumes: "all" });
    const error = await asNobody(() => connector.prepare(never()).catch((thrown: unknown) => thrown));
    assert.ok(error instanceof SourceError);
    assert.equal(error.code, "SOURCE_FORBIDDEN");
    assert.match(error.message, /member of the socket's group/);
  });

  test("a storage that lies in a bind mount is left out", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "data"));
    await writeFile(join(folder, "data/a"), "a");
    const { command } = await configIn(folder, join(folder, "data"), join(folder, "data/store"));
    for (let time = 1; time <= 2; time += 1) {
      const run: Ended = await command("run");
      assert.equal(run.code, 0, run.stderr);
      assert.equal(Object(document(run)).runs[0].units[0].artifacts[0].facts.entries, 2);
      assert.match(run.stdout, /STORAGE_SKIPPED/);
    }
  });

  async function configIn(folder: string, bind: string, store: string) {
    const job = {
      name: "binds",
      service: "docker_volume",
      options: { host: engine.host, bind_mounts: bind, read: "engine" },
    };
    const yaml = { jobs: [job], storage: { local: { type: "filesystem", base_path: store } } };
    const file = await configured(folder, JSON.stringify(yaml));
    return { command: (...args: readonly string[]) => coreBackup([...args, "--config", file, "--json"]) };
  }

  test("a file that gets shorter while it is read makes no snapshot that looks whole", async () => {
    await engine.docker("volume", "create", "shrinking");
    const root = await engine.folderOf("shrinking");
    await writeFile(join(root, "a"), Buffer.alloc(150_000_000));
    await writeFile(join(root, "b"), "behind it");
    const connector = await connect(
      { kind: dockerVolume },
      { host: engine.host, volumes: "shrinking", read: "engine" },
    );
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit !== undefined);
    await assert.rejects(async () => {
      for await (const item of connector.collect(unit, context())) {
        let first = true;
        for await (const _ of item.open()) {
          if (first) await (await open(join(root, "a"), "r+")).truncate(1_000).then();
          first = false;
        }
      }
    }, /not whole.*consistency: pause/);
    await connector.cleanup();
    assert.equal(await engine.docker("ps", "--all", "--quiet", "--filter", "label=core-backup.owner"), "");
  });
});

/** What the tree has for `sparse` takes an Engine a gibibyte of zeros. */
async function smallerHole(root: string): Promise<void> {
  await rm(join(root, "sparse"));
  const sparse = await open(join(root, "sparse"), "w");
  await sparse.truncate(20_000_000);
  await sparse.write(Buffer.alloc(4096, "data"), 0, 4096, 10_000_000);
  await sparse.close();
}

/** Whole seconds, of attributes the capabilities alone, and no word of holes but what fallocate makes of them. */
function asAnEngineKeepsIt(line: string): string {
  const capability = /security\.capability=\w+/.exec(line)?.[0];
  const parts = line.split(" | ").map((part) => part.replace(/^(mtime -?\d+)\d{9}$/, "$1"));
  const before1970 = parts.map((part) => (/^mtime -/.test(part) ? "mtime before 1970" : part));
  return [...before1970.slice(0, -1), capability ?? "none"]
    .filter((part) => !/^with(out)? holes$/.test(part))
    .join(" | ");
}

/** Through PUT times before 1970 become its beginning. */
const asPutByAnEngine = (line: string): string =>
  asAnEngineKeepsIt(line).replace(/mtime (before 1970|0)(?= )/, "mtime 0 or before");

async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { imageMissing, loadImage } from "../support/container-image.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { startSilentServer } from "../support/silent-server.ts";
import { temporaryFolder } from "../support/stores.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** The user of the image. */
const USER = 10_001;
/** As strict as it gets: nothing but volumes can be written, and no right is left to be misused. */
const STRICT = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

describe("the container image", { skip: imageMissing() }, () => {
  let engine: DockerEngine;
  let image: string;
  let folder: AsyncDisposable & { readonly path: string };

  before(async () => {
    folder = await temporaryFolder();
    engine = await startDockerEngine();
    image = await loadImage(engine);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const run = (args: readonly string[], ...command: readonly string[]) =>
    engine.docker("run", "--rm", "--network", "none", ...args, image, ...command);
  const shell = (script: string) =>
    engine.docker("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-ec", script);
  /** How a container that was started without `--rm` ended. */
  const exitCode = async (id: string) => Number(await engine.docker("wait", id));

  test("holds the programs that core-backup can use, and runs as nobody", async () => {
    const ofMongodb = ["mongodump", "mongorestore"];
    const programs = ["age", "docker", "git", "git-lfs", "gpg", ...ofMongodb, "ssh", "tar", "tini", "zstd"];
    const said = await shell(
      `for one in ${programs.join(" ")}; do command -v $one; done; node --version; id -u; git lfs version`,
    );
    assert.match(said, /\nv24\./);
    assert.match(said, new RegExp(`\n${USER}\n`));
    assert.match(said, /git-lfs\//);
  });

  test("says its version, and that the image is of it", async () => {
    const { version } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
    assert.equal(await run([], "--version"), version);
    const [{ Config }] = JSON.parse(await engine.docker("image", "inspect", image));
    assert.equal(Config.Labels["org.opencontainers.image.version"], version);
    assert.equal(Config.Labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert.equal(Config.User, `${USER}:${USER}`);
  });

  test("its bill of materials names each package that is in it, of npm and of Debian", async () => {
    const { bomFormat, components } = JSON.parse(await shell("cat /opt/core-backup/sbom.cdx.json"));
    assert.equal(bomFormat, "CycloneDX");
    const named = new Set((components as { purl: string }[]).map(({ purl }) => purl));
    const modules = await shell(
      'cd /opt/core-backup/node_modules; for one in */package.json @*/*/package.json; do node -p \'const p = require("./" + process.argv[1]); p.name + "@" + p.version\' $one; done',
    );
    const missing = modules.split("\n").filter((one) => !named.has(`pkg:npm/${one.replace(/^@/, "%40")}`));
    assert.deepEqual(missing, []);
    assert.ok(modules.split("\n").length > 30);
    const debian = (await shell("dpkg-query --show")).split("\n");
    assert.equal([...named].filter((one) => one.startsWith("pkg:deb/")).length, debian.length);
    assert.ok([...named].some((one) => one.startsWith("pkg:deb/debian/git@")));
  });

  // Here they are those of test/peers/container, which need no library: that MongoDB's own run is for the build of the image to show.
  test("has MongoDB's tools from another image, with the libraries that those need, and names them in its bill of materials", async () => {
    assert.match(await shell("mongodump --version; mongorestore --version"), /^(mongo\w+ version: 100\.0\.0\s*){2}$/);
    const { components } = JSON.parse(await shell("cat /opt/core-backup/sbom.cdx.json"));
    const { version, licenses } = (components as { name: string; version: string; licenses: unknown }[]).find(
      ({ name }) => name === "mongodb-database-tools",
    ) ?? { version: "none" };
    assert.deepEqual([version, licenses], ["100.0.0", [{ license: { id: "Apache-2.0" } }]]);
    const needed = "libgssapi-krb5-2 libkrb5-3 libk5crypto3 libcom-err2 libkrb5support0 libkeyutils1";
    assert.equal((await shell(`dpkg-query --show ${needed}`)).split("\n").length, needed.split(" ").length);
    assert.equal(await shell("ls /var/lib/apt/lists"), "");
  });

  test("with a read-only root, no capability and no network it backs up, proves and restores, encrypted", async () => {
    const { home, mounts } = await aHome();
    const keys = await shell("age-keygen 2>/dev/null");
    const recipient = /public key: (age1\w+)/.exec(keys)?.[1];
    await writeFile(join(home, "key.txt"), keys);
    await writeFile(join(home, "core-backup.yml"), files(`encryption: { type: age, recipients: [${recipient}] }`));
    const [ended] = JSON.parse(await run([...STRICT, ...mounts], "run", "--json")).runs;
    assert.deepEqual([ended.status, ended.units[0].artifacts[0].encryption.type], ["ok", "age"]);
    await run([...STRICT, ...mounts], ...["verify", "--prove", "--identity-file", "/config/key.txt"]);
    await run(
      [...STRICT, ...mounts],
      ...["restore", "--identity-file", "/config/key.txt", "--job", "files", "--to", "/backups/restored"],
    );
    const names = await readdir(join(home, "backups/restored"), { recursive: true });
    const restored = names.find((name) => name.endsWith("one.txt"));
    assert.equal(await readFile(join(home, "backups/restored", restored ?? ""), "utf8"), "first line\n");
  });

  test("gpg encrypts there too, whose keyrings need a folder", async () => {
    const { home, mounts } = await aHome();
    const key = await shell(
      "export GNUPGHOME=$(mktemp -d); gpg --batch --quiet --passphrase '' --quick-gen-key a@example.org 2>/dev/null; gpg --armor --export",
    );
    await writeFile(join(home, "key.asc"), key);
    await writeFile(
      join(home, "core-backup.yml"),
      files("encryption: { type: gpg, public_keys_file: /config/key.asc }"),
    );
    const [ended] = JSON.parse(await run([...STRICT, ...mounts], "run", "--json")).runs;
    assert.deepEqual([ended.status, ended.units[0].artifacts[0].encryption.type], ["ok", "gpg"]);
  });

  test("told to stop, it ends in order", { timeout: 120_000 }, async ({ signal }) => {
    await using silent = await startSilentServer();
    const { home, mounts } = await aHome();
    await writeFile(
      join(home, "core-backup.yml"),
      `jobs:\n  - { name: a, service: git, target_storage: here, options: { repositories: ["http://127.0.0.1:${silent.port}/a.git"] } }\nstorage:\n  here: { type: filesystem, base_path: /backups }\n`,
    );
    const id = await engine.docker(
      "run",
      "--detach",
      "--network",
      "host",
      ...STRICT,
      ...mounts,
      image,
      "run",
      "--verbose",
    );
    while (!(await readdir(join(home, "backups"))).includes("a")) await delay(100, undefined, { signal });
    await engine.docker("stop", id);
    assert.equal(await exitCode(id), 143);
    const { stderr } = await promisify(execFile)("docker", ["--host", engine.host, "logs", id]);
    assert.match(stderr, /SIGTERM: ending in order/);
  });

  test("when core-backup is killed in it, it ends once what was paused goes on", { timeout: 120_000 }, async ({
    signal,
  }) => {
    const { home, mounts } = await aHome();
    const writes = "while :; do echo x >> /data/log; /bin/busybox sleep 0.05; done";
    await engine.runs("held", writes, "--volume", "held:/data");
    // A sparse file: nothing on the disk, and a long archive.
    const zeros = join(await engine.folderOf("held"), "zeros");
    await writeFile(zeros, "");
    await truncate(zeros, 8_000_000_000);
    await writeFile(
      join(home, "core-backup.yml"),
      "jobs:\n  - { name: a, service: docker_volume, options: { host: unix:///engine.sock, volumes: held, consistency: pause, read: engine } }\nstorage:\n  here: { type: filesystem, base_path: /backups }\n",
    );
    const socket = ["--user", "0", "--volume", `${engine.socket}:/engine.sock`];
    const id = await engine.docker(...["run", "--detach", "--network", "none", ...socket, ...mounts], image, "run");
    while ((await engine.state("held")) !== "paused") await delay(20, undefined, { signal });
    // The brackets keep the shell from finding itself.
    const kill =
      "cd /proc; for one in [0-9]*; do if grep -qs 'bin/core-backup.j[s]' $one/cmdline; then kill -9 $one; fi; done";
    await engine.docker("exec", id, "sh", "-c", kill);
    assert.equal(await exitCode(id), 137);
    assert.equal(await engine.state("held"), "running");
  });

  test("its health is that of its configuration", async () => {
    const { home, mounts } = await aHome();
    await writeFile(join(home, "core-backup.yml"), files(""));
    const start = (name: string, ...args: readonly string[]) =>
      engine.docker(
        ...[
          "run",
          "--detach",
          "--network",
          "none",
          "--name",
          name,
          "--health-interval",
          "1s",
          "--health-retries",
          "1",
          "--health-start-period",
          "0s",
        ],
        ...[...args, "--entrypoint", "sleep", image, "600"],
      );
    await start("well", ...STRICT, ...mounts);
    await start("ill", ...STRICT);
    assert.equal(await health("well"), "healthy");
    assert.equal(await health("ill"), "unhealthy");
  });

  test("with serve its health is that of serve", async () => {
    const { home, mounts } = await aHome();
    await writeFile(join(home, "core-backup.yml"), files(""));
    const often = ["--health-interval", "1s", "--health-retries", "1", "--health-start-period", "60s"];
    const name = "serving";
    await engine.docker(
      ...["run", "--detach", "--network", "none", "--name", name, ...often, ...STRICT, ...mounts],
      image,
      "serve",
    );
    assert.equal(await health(name), "healthy");
    const asked = await engine.docker("inspect", "--format", "{{range .State.Health.Log}}{{.Output}}{{end}}", name);
    assert.match(asked, /^ok$/m);
  });

  test("as a task it wants to know of which unit", async () => {
    const id = await engine.docker("run", "--detach", "--network", "none", image, "task");
    assert.equal(await exitCode(id), 2);
  });

  async function health(container: string): Promise<string> {
    for (let polls = 0; polls < 600; polls += 1) {
      const status = await engine.docker("inspect", "--format", "{{.State.Health.Status}}", container);
      if (status !== "starting") return status;
      await delay(100);
    }
    return "starting";
  }

  /** What a user mounts: a configuration, files to back up, and a place for snapshots that the image's user owns. */
  async function aHome(): Promise<{ readonly home: string; readonly mounts: readonly string[] }> {
    const home = join(folder.path, `${(await readdir(folder.path)).length}`);
    await mkdir(join(home, "files"), { recursive: true });
    await writeFile(join(home, "files/one.txt"), "first line\n");
    await mkdir(join(home, "backups"));
    await chown(join(home, "backups"), USER, USER);
    await chmod(folder.path, 0o755);
    const mounts = [`${home}:/config:ro`, `${home}/files:/files:ro`, `${home}/backups:/backups`];
    return { home, mounts: mounts.flatMap((one) => ["--volume", one]) };
  }
});

const files = (more: string): string => `jobs:
  - name: files
    service: filesystem
    target_storage: here
    options: { paths: [/files] }
    ${more}
storage:
  here: { type: filesystem, base_path: /backups }
`;

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmod, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { imageMissing, loadImage } from "../support/container-image.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { noFerret } from "../support/mongo-servers.ts";
import { noVersitygw } from "../support/s3-server.ts";
import { temporaryFolder } from "../support/stores.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const BIN = join(import.meta.dirname, "../peers/.bin");

test("compose.yml: MongoDB, a git server and an S3 store are backed up, proved, restored and compared by its smoke script", {
  skip: imageMissing() || noFerret || noVersitygw || composeMissing(),
}, async () => {
  await using engine = await startDockerEngine();
  const image = await loadImage(engine);
  // No registry: the servers are static programs, each alone in an image.
  const mongodb = await imageOf(engine, "ferretdb", [
    ...["--handler=sqlite", "--sqlite-url=file:/tmp/", "--state-dir=/tmp", "--listen-addr=:27017"],
    ...["--debug-addr=-", "--telemetry=disable", "--log-level=error"],
  ]);
  const s3 = await imageOf(engine, "versitygw", []);
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", DOCKER_HOST: engine.host };
  const names = { CORE_BACKUP_IMAGE: image, MONGODB_IMAGE: mongodb, S3_IMAGE: s3 };
  const { stdout } = await promisify(execFile)("sh", [join(CHECKOUT, "container/smoke.sh")], {
    env: { ...env, ...names },
    maxBuffer: 1 << 26,
  });
  assert.match(stdout, /restored refs are those of the source:\n[0-9a-f]{40} refs\/heads\/main/);
  assert.match(stdout, /smoke: ok\n$/);
  assert.equal(await engine.docker("ps", "--all", "--quiet"), "", "all of it was taken down again");
});

async function imageOf(engine: DockerEngine, program: string, args: readonly string[]): Promise<string> {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await mkdir(join(root, "tmp"), { recursive: true });
  await chmod(join(root, "tmp"), 0o1777);
  await cp(join(BIN, program), join(root, program));
  const tar = join(folder.path, "root.tar");
  await promisify(execFile)("tar", ["-C", root, "-cf", tar, "."]);
  const name = `core-backup-test/${program}:1`;
  await engine.docker("import", "--change", `ENTRYPOINT ${JSON.stringify([`/${program}`, ...args])}`, tar, name);
  return name;
}

/** `docker compose`, or the older program of its own. */
function composeMissing(): string | false {
  for (const command of ["docker compose version", "docker-compose version"]) {
    try {
      execFileSync("sh", ["-c", command], { stdio: "ignore" });
      return false;
    } catch {
      // The other one.
    }
  }
  if (process.env.CI === "true") throw new Error("docker-compose is not installed");
  return "docker-compose is not installed";
}

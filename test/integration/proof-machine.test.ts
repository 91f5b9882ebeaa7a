import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { configured, coreBackup, paths, temporaryFolder } from "../e2e/core-backup.ts";
import { whyNoMounts } from "../support/mount-namespace.ts";

const skip = (await whyNoMounts()) ?? false;
const MAIN = join(import.meta.dirname, "../../cli/main.ts");

/** A snapshot each of a folder and of a repository, with two megabytes that do not compress, verified by their digests. */
async function backedUp(t: TestContext) {
  const folder = await temporaryFolder(t);
  const [files, repository, backups] = [join(folder, "files"), join(folder, "repository"), join(folder, "backups")];
  await mkdir(files);
  await writeFile(join(files, "large.bin"), randomBytes(2_000_000));
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
  execFileSync("git", ["init", "--quiet", repository]);
  await writeFile(join(repository, "large.bin"), randomBytes(2_000_000));
  git("add", ".");
  git("commit", "--quiet", "--message=one");
  const config = await configured(
    folder,
    `jobs:
  - { name: files, service: filesystem, target_storage: local, verify: { prove: false }, options: { paths: [${files}] } }
  - { name: repository, service: git, target_storage: local, verify: { prove: false }, options: { repositories: [${repository}] } }
storage:
  local: { type: filesystem, base_path: ${backups} }
`,
  );
  const run = await coreBackup(["run", "--config", config]);
  assert.equal(run.code, 0, run.stderr);
  const recorded = async () => {
    const found = (await paths(backups)).filter((path) => path.endsWith("verified.json")).sort();
    return Promise.all(found.map((path) => readFile(join(backups, path), "utf8")));
  };
  return { folder, config, recorded };
}

// Of the last size the bundle fits, and git's clone of it does not.
for (const [job, sizes] of [
  ["files", ["1m"]],
  ["repository", ["1m", "3m"]],
] as const) {
  test(`a proof of ${job} that finds the folder for temporary files full says nothing of the snapshot`, {
    skip,
  }, async (t) => {
    const { config, recorded } = await backedUp(t);
    const before = await recorded();
    for (const size of sizes) {
      const shell = `mount -t tmpfs -o size=${size} tmpfs /mnt && TMPDIR=/mnt exec "$@"`;
      const args = ["--mount", "sh", "-c", shell, "sh", process.execPath, MAIN, "verify", "--full"];
      const ended = await new Promise<string>((done) => {
        execFile("unshare", [...args, "--job", job, "--config", config], (error, stdout, stderr) =>
          done(`${error?.code} ${stdout}${stderr}`),
        );
      });
      assert.match(ended, /^1 .*SCRATCH_FULL/s, ended);
      assert.deepEqual(await recorded(), before);
    }
    assert.equal((await coreBackup(["verify", "--full", "--job", job, "--config", config])).code, 0);
  });
}

for (const [job, program] of [
  ["files", "tar"],
  ["repository", "git"],
] as const) {
  test(`a ${program} that is killed while it proves says nothing of the snapshot`, async (t) => {
    const { folder, config, recorded } = await backedUp(t);
    const before = await recorded();
    const real = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
    const bin = join(folder, "bin");
    await mkdir(bin);
    const script = `#!/bin/sh\ncase "$*" in *--extract*|*clone*) kill -9 $$;; esac\nexec ${real} "$@"\n`;
    await writeFile(join(bin, program), script);
    await chmod(join(bin, program), 0o755);
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const killed = await coreBackup(["verify", "--full", "--job", job, "--config", config], { env });
    assert.equal(killed.code, 1);
    assert.match(
      killed.stdout + killed.stderr,
      new RegExp(`could not be proved: ${program} was ended by SIGKILL code=PROOF_ABORTED`),
    );
    assert.deepEqual(await recorded(), before);
    assert.equal((await coreBackup(["verify", "--full", "--job", job, "--config", config])).code, 0);
  });
}

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { configText } from "../../../../cli/init/config-text.ts";
import type { Found } from "../../../../cli/init/find.ts";
import { loadConfig } from "../../../../lib/config/load.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "core-backup-init-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const CHECKOUTS: readonly (readonly string[])[] = [[], ["/srv/app", '/srv/my app: "x" #1']];
const OWNERS: readonly (readonly string[])[] = [[], ["my-org", "octo"]];
const BOTH = [false, true];

/** All that can be found, with all else. */
function* combinations(): Iterable<Found> {
  for (const checkouts of CHECKOUTS)
    for (const githubOwners of OWNERS)
      for (const githubToken of BOTH)
        for (const docker of BOTH)
          for (const mongodb of [undefined, 27_017])
            for (const aws of BOTH)
              for (const bucket of BOTH) yield { checkouts, githubOwners, githubToken, docker, mongodb, aws, bucket };
}

test("what is written is valid for each combination of what can be found, and has a job for each", async () => {
  let count = 0;
  for (const found of combinations()) {
    const file = join(folder, `${count}.yml`);
    await writeFile(file, configText({ found, folder: "/srv/my folder", timezone: "Europe/Berlin" }));
    const env = {
      ...(found.githubToken ? { GITHUB_TOKEN: "ghp_canary" } : {}),
      ...(found.bucket ? { S3_BUCKET: "my-bucket" } : {}),
    };
    const { jobs, storage } = await loadConfig(file, { env });
    const services = [
      ...(found.checkouts.length > 0 ? ["git"] : []),
      ...(found.githubToken && found.githubOwners.length > 0 ? ["github"] : []),
      ...(found.mongodb === undefined ? [] : ["mongodb"]),
      ...(found.docker ? ["docker_volume"] : []),
    ];
    assert.deepEqual(
      jobs.map(({ service }) => service),
      services.length === 0 ? ["filesystem"] : services,
    );
    const target = found.aws && found.bucket ? "s3" : "local";
    assert.ok(jobs.every((job) => job.target_storage === target && job.schedule !== undefined));
    assert.ok(jobs.every(({ retention }) => retention.keep_daily === 7 && retention.keep_monthly === 12));
    assert.ok("local" in storage);
    for (const { options, service } of jobs)
      if (service === "mongodb")
        assert.deepEqual((options as { exclude_databases?: unknown }).exclude_databases ?? [], []);
    count += 1;
  }
  assert.equal(count, 128);
});

test("what only needs a decision is there as a comment, and valid once it is no comment any more", async () => {
  const found = {
    checkouts: ["/srv/app"],
    githubOwners: [],
    githubToken: true,
    docker: false,
    mongodb: undefined,
    aws: true,
    bucket: false,
  };
  const text = configText({ found, folder: "/srv", timezone: "UTC" });
  assert.match(text, /^# yaml-language-server: \$schema=core-backup\.schema\.json\n/);
  const taken = text
    .replace(/^ {2}# (- name: (?:github|files)| {2}\S.*)$/gm, "  $1")
    .replace(/^ {2}# (s3: .*)$/m, "  $1")
    .replaceAll("options: { organization", "target_storage: s3\n    options: { organization")
    .replaceAll("options: { paths", "target_storage: s3\n    options: { paths");
  const file = join(folder, "taken.yml");
  await writeFile(file, taken);
  const { jobs, storage } = await loadConfig(file, { env: { GITHUB_TOKEN: "x", S3_BUCKET: "b" } });
  assert.deepEqual(
    jobs.map(({ service }) => service),
    ["git", "github", "filesystem"],
  );
  assert.deepEqual(Object.keys(storage).sort(), ["local", "s3"]);
});

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, configured, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";

const RIGHT = `jobs:
  - name: docs
    service: filesystem
    schedule: 0 3 * * *
    target_storage: local
    options:
      paths: [source]
storage:
  local: { type: filesystem, base_path: backups }
`;

const line = (from: string, to: string): string => {
  assert.ok(RIGHT.includes(from), from);
  return RIGHT.replace(from, to);
};

/** What is wrong, and the place (line, and column where it is the point) that has to be named. */
const wrong: readonly (readonly [what: string, yaml: string, place: RegExp])[] = [
  ["an empty file", "", /:1:1: /],
  ["only a comment", "# nothing\n", /:\d+:1: /],
  ["a list", "- jobs\n", /:1:1: /],
  ["no jobs", "storage:\n  local: { type: filesystem, base_path: backups }\n", /: jobs/],
  ["an empty list of jobs", "jobs: []\nstorage:\n  local: { type: filesystem, base_path: backups }\n", /:1:7: jobs/],
  ["broken YAML", line("[source]", "[source"), /:\d+:\d+: /],
  ["a tab", line("    schedule", "\tschedule"), /:4:1: /],
  ["two documents", `${RIGHT}---\n${RIGHT}`, /:\d+:\d+: /],
  ["an unknown key at the top", `${RIGHT}storrage: {}\n`, /:10:1: .*storage/],
  ["an unknown key in a job", line("schedule:", "shedule:"), /:4:5: jobs\[0\].*schedule/],
  ["an unknown option", line("paths: [source]", "path: [source]"), /:7:7: jobs\[0\]\.options.*paths/],
  ["an option of another service", line("paths: [source]", "paths: [source]\n      repositories: [a]"), /:8:7: /],
  ["a key given twice", line("    schedule", "    name: other\n    schedule"), /:4:5: /],
  [
    "two jobs of one name",
    line(
      "storage:\n",
      "  - { name: docs, service: filesystem, target_storage: local, options: { paths: [b] } }\nstorage:\n",
    ),
    /:8:\d+: jobs\[1\]\.name/,
  ],
  ["an unknown service", line("service: filesystem", "service: filesytem"), /:3:14: jobs\[0\]\.service.*filesystem/],
  [
    "an unknown storage",
    line("target_storage: local", "target_storage: locl"),
    /:5:21: jobs\[0\]\.target_storage.*local/,
  ],
  ["an unknown type of storage", line("type: filesystem", "type: floppy"), /:9:\d+: storage\.local\.type/],
  ["no storage", RIGHT.slice(0, RIGHT.indexOf("storage:\n")), /: storage/],
  ["no name", line("  - name: docs\n    service", "  - service"), /:2:\d+: jobs\[0\]/],
  ["an empty name", line("name: docs", 'name: ""'), /:2:11: jobs\[0\]\.name/],
  ["no paths", line("paths: [source]", "exclude: [a]"), /:6:5: jobs\[0\]\.options\.paths/],
  ["an empty list of paths", line("[source]", "[]"), /:7:14: jobs\[0\]\.options\.paths/],
  ["a number for a path", line("[source]", "[7]"), /:7:15: jobs\[0\]\.options\.paths/],
  ["a cron minute that is none", line("0 3 * * *", "61 3 * * *"), /:4:15: jobs\[0\]\.schedule/],
  ["a cron with four fields", line("0 3 * * *", "0 3 * *"), /:4:15: jobs\[0\]\.schedule/],
  ["a date that never comes", line("0 3 * * *", "0 0 30 2 *"), /:4:15: jobs\[0\]\.schedule/],
  [
    "an unknown time zone",
    line("    target", "    timezone: Europe/Berlinn\n    target"),
    /:5:15: jobs\[0\]\.timezone/,
  ],
  [
    "a negative count",
    line("    target", "    retention: { mode: count, keep_last: -1 }\n    target"),
    /:5:\d+: jobs\[0\]\.retention\.keep_last/,
  ],
  ["a count of nothing", line("    target", "    concurrency: 0\n    target"), /:5:18: jobs\[0\]\.concurrency/],
  ["text for a number", line("    target", "    concurrency: many\n    target"), /:5:18: jobs\[0\]\.concurrency/],
  ["an alias of nothing", line("[source]", "[*nowhere]"), /:7:15: /],
  ["an anchor bomb", bomb(), /:\d+:\d+: /],
];

for (const [what, yaml, place] of wrong) {
  test(`${what} is refused with its place: exit code 2, nothing written, no stack trace`, async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "source"));
    await writeFile(join(folder, "source", "a.txt"), "a");
    await configured(folder, yaml);
    const before = await paths(folder);
    const ended = await coreBackup(["run"], { cwd: folder });
    assert.equal(ended.code, 2, JSON.stringify(ended));
    assert.equal(ended.stdout, "");
    assertPlain(ended);
    const lines = ended.stderr.trimEnd().split("\n");
    for (const one of lines) assert.match(one, /^core-backup\.yml:\d+:\d+: /);
    assert.ok(
      lines.some((one) => place.test(one)),
      ended.stderr,
    );
    assert.deepEqual(await paths(folder), before);
  });
}

test("several faults are all reported in one go, and with --json as one document with their places", async (t) => {
  const folder = await temporaryFolder(t);
  await configured(
    folder,
    RIGHT.replace("schedule", "shedule")
      .replace("filesystem\n", "filesytem\n")
      .replace("target_storage: local", "target_storage: nowhere"),
  );
  for (const command of ["validate", "run", "list"]) {
    const ended = await coreBackup([command, "--json"], { cwd: folder });
    assert.equal(ended.code, 2);
    const { ok, errors } = document(ended) as { ok: boolean; errors: Record<string, unknown>[] };
    assert.equal(ok, false);
    assert.deepEqual(
      errors.map((error) => error.line),
      [3, 4, 5],
    );
    for (const error of errors) assert.deepEqual(Object.keys(error), ["file", "line", "column", "path", "message"]);
    assert.equal(ended.stderr.trimEnd().split("\n").length, 3);
  }
});

test("an unreadable file, a folder and a missing file are named", async (t) => {
  const folder = await temporaryFolder(t);
  for (const file of [folder, join(folder, "none.yml")]) {
    const ended = await coreBackup(["validate", "--config", file]);
    assert.equal(ended.code, 2);
    assert.ok(ended.stderr.includes(file), ended.stderr);
    assertPlain(ended);
  }
});

test("a right file is said to be right", async (t) => {
  const folder = await temporaryFolder(t);
  await configured(folder, RIGHT);
  const ended = await coreBackup(["validate"], { cwd: folder });
  assert.deepEqual(ended, { code: 0, stdout: "core-backup.yml: valid, 1 job, 1 storage\n", stderr: "" });
});

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, n) => `x${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(", ")}]`);
  return `x0: &a0 [lol]\n${levels.join("\n")}\n${RIGHT}`;
}

/** Tasks have mongodump, where their image has. */
const DUMP = `jobs:
  - { name: app, service: mongodb, options: { uri_secret: mongo/uri, databases: [{ name: app, dump_strategy: mongodump }] } }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET }
`;

test("validate --aws refuses what AWS cannot have, each at its place, and what a desk has is right without it", async (t) => {
  const folder = await temporaryFolder(t);
  const config = join(folder, "core-backup.yml");
  const aJob = (more: string) => `jobs:
  - name: docs
    service: git
    schedule: 0 3 * * *
${more}    options: { repositories: ["https://git.example.com/docs.git"] }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET }
`;
  await writeFile(config, aJob("    hooks: { before: [sync] }\n    timeout: 7d\n"));
  const env = { S3_BUCKET: "backups" };
  const atADesk = await coreBackup(["validate", "--config", config], { env });
  assert.deepEqual([atADesk.code, atADesk.stderr], [0, ""]);
  const refused = await coreBackup(["validate", "--aws", "--json", "--config", config]);
  assert.equal(refused.code, 2);
  const { ok, errors } = document(refused) as {
    ok: boolean;
    errors: { line: number; path: string; message: string }[];
  };
  assert.deepEqual(
    [ok, errors.map(({ line, path, message }) => [line, path, message])],
    [
      false,
      [
        [5, "jobs[0].hooks", "cannot be run on AWS, where no machine of yours is"],
        [6, "jobs[0].timeout", "must not be longer than 6d on AWS, where a run is ended after 7d"],
      ],
    ],
  );
  await writeFile(config, aJob(""));
  const right = await coreBackup(["validate", "--aws", "--config", config]);
  assert.deepEqual([right.code, right.stdout], [0, `${config}: valid on AWS, 1 job, 1 storage\n`], right.stderr);
  await writeFile(config, DUMP);
  for (const [parameters, code] of [
    [[], 2],
    [["--image", "build"], 0],
    [["--image", "example.com/core-backup:1"], 0],
  ] as const) {
    const ended = await coreBackup(["validate", "--aws", ...parameters, "--config", config]);
    assert.equal(ended.code, code, `${parameters.join(" ")}: ${ended.stderr}`);
  }
  assert.match((await coreBackup(["validate", "--image", "build", "--config", config])).stderr, /are of --aws/);
  const wrong = await coreBackup(["validate", "--aws", "--efs", "/srv=fs-1", "--config", config]);
  assert.deepEqual(
    [wrong.code, wrong.stderr.includes("--efs=/srv=fs-1: must be /mnt/NAME=fs-")],
    [2, true],
    wrong.stderr,
  );
});

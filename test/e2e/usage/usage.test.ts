import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

test("help and version are results, and need no configuration", async (t) => {
  const cwd = await temporaryFolder(t);
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../../package.json"), "utf8"));
  assert.deepEqual(await coreBackup(["--version"], { cwd }), { code: 0, stdout: `${version}\n`, stderr: "" });
  for (const args of [["--help"], ["help"], ["run", "--help"], ["help", "run"]]) {
    const ended = await coreBackup(args, { cwd });
    assert.deepEqual([ended.code, ended.stderr], [0, ""], args.join(" "));
    assert.match(ended.stdout, /^Usage: core-backup/);
    assertPlain(ended);
  }
});

test("what is not known is refused with what may be meant: command, flag, job, snapshot, unit", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const ran = await coreBackup(["run", "--config", job.config]);
  const [, snapshot = ""] = /^snapshot (\S+) lies/m.exec(ran.stdout) ?? [];
  const to = join(job.folder, "never");
  const cases: [string[], RegExp][] = [
    [["rnu"], /unknown command 'rnu' \(did you mean run\?\)/],
    [["run", "--jop", "docs"], /unknown option '--jop' \(did you mean --job\?\)/],
    [["run", "--job", "dosc"], /has no job dosc \(did you mean docs\?\)/],
    [["show", "--job", "doc"], /has no job doc \(did you mean docs\?\)/],
    [
      ["restore", "--job", "docs", "--to", to, "--snapshot", "2020-01-01T000000Z"],
      new RegExp(`no snapshot 2020-01-01T000000Z; .*${snapshot}`),
    ],
    [["verify", "--job", "docs", "--snapshot", "lastest"], new RegExp(`no snapshot lastest; .*${snapshot}`)],
    [["restore", "--job", "docs", "--to", to, "--unit", "nothing"], /has no unit nothing/],
  ];
  for (const [args, message] of cases) {
    const ended = await coreBackup([...args, "--config", job.config]);
    assert.equal(ended.code, 2, JSON.stringify(ended));
    assert.match(ended.stderr, message);
    assert.equal(ended.stdout, "");
    assertPlain(ended);
    const asDocument = await coreBackup([...args, "--json", "--config", job.config]);
    assert.equal(asDocument.code, 2);
    assert.match(JSON.stringify(document(asDocument)), /^\{"ok":false,"errors":\[\{"code":"USAGE"/);
  }
  assert.deepEqual(await paths(to), []);
});

test("a folder that is not empty is not restored into", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  await coreBackup(["run", "--config", job.config]);
  const before = await paths(job.source);
  const ended = await coreBackup(["restore", "--job", "docs", "--to", job.source, "--config", job.config]);
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /is not empty.*--force/);
  assert.deepEqual(await paths(job.source), before);
});

test("the configuration is found by flag, then by variable, then in the folder", async (t) => {
  const { folder, config } = await filesJob(await temporaryFolder(t));
  const elsewhere = await temporaryFolder(t);
  assert.equal((await coreBackup(["validate"], { cwd: folder })).code, 0);
  assert.equal((await coreBackup(["validate"], { cwd: elsewhere, env: { CORE_BACKUP_CONFIG: config } })).code, 0);
  assert.equal(
    (await coreBackup(["validate", "--config", config], { cwd: elsewhere, env: { CORE_BACKUP_CONFIG: "/nowhere" } }))
      .code,
    0,
  );
  const missing = await coreBackup(["validate"], { cwd: elsewhere });
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /core-backup\.yml/);
  assertPlain(missing);
});

test("completion asks the program for the names of jobs, and a wrong configuration gives none", async (t) => {
  const { folder, config } = await filesJob(await temporaryFolder(t));
  assert.deepEqual(await coreBackup(["__complete", "jobs", "--config", config]), {
    code: 0,
    stdout: "docs\n",
    stderr: "",
  });
  assert.deepEqual(await coreBackup(["__complete", "jobs", "--config", join(folder, "none.yml")]), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});

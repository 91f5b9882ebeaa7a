import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { type Document, MongoClient } from "mongodb";
import { encodedForms } from "../../../lib/secrets/secret-forms.ts";
import { documentsOf } from "../../support/mongo-archive.ts";
import { openMongodb } from "../../support/mongo-connector.ts";
import { type MongoServer, noFerret, startFerret } from "../../support/mongo-servers.ts";
import { standInTool, type ToolCall } from "../../support/stand-in-tool.ts";
import { assertPlain, configured, coreBackup, document, type Ended, temporaryFolder } from "../core-backup.ts";

const SOURCE_PASSWORD = "canary-source-9701";
const TARGET_PASSWORD = "canary-target-9702";
const uriOf = (server: MongoServer, password: string) =>
  server.uri.replace("//", `//backup:${password}@`).concat("/?authSource=admin&serverSelectionTimeoutMS=3000");

describe("MongoDB, from configuration to a restored server", { skip: noFerret }, () => {
  let source: MongoServer;
  let target: MongoServer;
  let client: MongoClient;
  let env: Record<string, string>;

  before(async () => {
    source = await startFerret({ account: { user: "backup", password: SOURCE_PASSWORD } });
    target = await startFerret({ account: { user: "backup", password: TARGET_PASSWORD } });
    env = { MONGO_URI: uriOf(source, SOURCE_PASSWORD), TARGET_URI: uriOf(target, TARGET_PASSWORD) };
    client = await MongoClient.connect(env.MONGO_URI ?? "");
    const people = Array.from({ length: 2_500 }, (_, n) => ({ _id: n, name: `person ${n}`, mail: `${n}@example.org` }));
    await client.db("app").collection<{ _id: number }>("people").insertMany(people);
    await client.db("app").collection("people").createIndex({ mail: 1 }, { unique: true, name: "by mail" });
    await client.db("app").collection<{ _id: number }>("a.b.c ü").insertOne({ _id: 1 });
    await client.db("app").createCollection("empty");
    await client
      .db("logs")
      .collection<{ _id: number }>("lines")
      .insertMany([{ _id: 1 }, { _id: 2 }]);
  });
  after(async () => {
    await client?.close();
    await source?.[Symbol.asyncDispose]();
    await target?.[Symbol.asyncDispose]();
  });

  async function job(t: TestContext, databases: readonly object[], more: object = {}) {
    const folder = await temporaryFolder(t);
    const tmp = join(folder, "tmp");
    await mkdir(tmp);
    const options = { uri_env: "MONGO_URI", databases, ...more };
    const yaml = JSON.stringify({
      jobs: [{ name: "mongo", service: "mongodb", verify: { prove: "full" }, compression: { type: "none" }, options }],
      storage: { local: { type: "filesystem", base_path: join(folder, "store") } },
    });
    const config = await configured(folder, yaml);
    const core = (args: readonly string[], given: Readonly<Record<string, string>> = env) =>
      coreBackup([...args, "--config", config], { cwd: folder, env: { ...given, TMPDIR: tmp } });
    return { folder, core };
  }

  /** Neither in what was said, nor in a file, nor in what a program could show to others. */
  async function assertNoPassword(folder: string, ended: Ended, calls: readonly ToolCall[] = []): Promise<void> {
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts = [
      ended.stdout,
      ended.stderr,
      JSON.stringify(calls.map(({ args, env: given, processList }) => [args, given, processList])),
      ...(await Promise.all(
        files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
      )),
    ];
    for (const password of [SOURCE_PASSWORD, TARGET_PASSWORD])
      for (const form of [password, ...encodedForms(password)])
        for (const text of texts) assert.ok(!text.includes(form), text.slice(0, 2_000));
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  }

  test("both strategies are run, proved by restoring, and brought into another server, where all is the same", async (t) => {
    const { folder, core } = await job(
      t,
      [
        { name: "app", dump_strategy: "driver" },
        { name: "logs", dump_strategy: "mongodump" },
      ],
      { prove_uri_env: "MONGO_URI" },
    );
    await using read = await openMongodb({ uri_env: "URI", dump_strategy: "driver" }, { URI: env.MONGO_URI ?? "" });
    const [dumped] = (await read.collect("logs")).items;
    const run = await (async () => {
      await using tool = await standInTool("mongodump", { stdout: dumped?.bytes ?? Buffer.alloc(0) });
      const ended = await core(["run", "--verbose", "--json"]);
      assert.equal(ended.code, 0, JSON.stringify(ended));
      const calls = await tool.calls();
      assert.deepEqual(calls[0]?.args, ["--config=/dev/fd/3", "--archive", "--db=logs"]);
      assert.ok(calls[0]?.config.includes(SOURCE_PASSWORD));
      await assertNoPassword(folder, ended, calls);
      return Object(document(ended));
    })();
    const facts = run.runs[0].units.map((unit: Document) => [unit.id, unit.artifacts[0].facts.strategy]);
    assert.deepEqual(facts, [
      ["app", "driver"],
      ["logs", "mongodump"],
    ]);
    const levels = run.jobs[0].verification.artifacts.map(({ proof }: Document) => proof.level);
    assert.deepEqual(levels, ["full", "full"]);
    const { databases } = await client.db("admin").admin().listDatabases({ nameOnly: true });
    assert.ok(!databases.some(({ name }) => name.startsWith("core_backup_proof_")));

    const to = await core(["restore", "--job", "mongo", "--to", "restored"]);
    assert.equal(to.code, 0, JSON.stringify(to));
    assertPlain(to);
    assert.match(
      to.stdout,
      /next, in restored:\n {2}# mongorestore\.yml.*\n {2}mongorestore --config=mongorestore\.yml --archive=app\/app\.archive\n {2}mongorestore --config=mongorestore\.yml --archive=logs\/logs\.archive\n/,
    );
    const archive = documentsOf(await readFile(join(folder, "restored/app/app.archive")));
    assert.deepEqual(
      [...archive].map(([name, { length }]) => [name, length]),
      [
        ["app.a.b.c ü", 1],
        ["app.empty", 0],
        ["app.people", 2_500],
      ],
    );

    await using tool = await standInTool("mongorestore", { restores: true });
    const restored = await core(["restore", "--job", "mongo", "--unit", "app", "--to-uri-env", "TARGET_URI", "--json"]);
    assert.equal(restored.code, 0, JSON.stringify(restored));
    const [unit] = Object(document(restored)).units;
    assert.deepEqual(unit.facts, { documents: 2_501, collections: 3 });
    assert.match(
      unit.detail,
      /2501 documents are in 3 collections now, 2501 were stored; mongorestore: 2501 document\(s\) restored/,
    );
    await assertNoPassword(folder, restored, await tool.calls());
    await using other = await MongoClient.connect(env.TARGET_URI ?? "");
    for (const name of ["people", "a.b.c ü", "empty"]) {
      const [is, should] = [other.db("app").collection(name), client.db("app").collection(name)];
      assert.deepEqual(await is.find().sort({ _id: 1 }).toArray(), await should.find().sort({ _id: 1 }).toArray());
      assert.deepEqual(await is.indexes(), await should.indexes());
    }

    const again = await core(["restore", "--job", "mongo", "--unit", "app", "--to-uri-env", "TARGET_URI"]);
    assert.equal(again.code, 2, JSON.stringify(again));
    assert.match(again.stderr, /app has .* there already; --force/);
    assert.equal((await tool.calls()).length, 1);
  });

  test("a database or collection that is not there, and a wrong password, are failures that say so and no more", async (t) => {
    const { folder, core } = await job(t, [
      { name: "app", collections: ["people", "gone"] },
      { name: "nowhere" },
      { name: "logs" },
    ]);
    const ran = await core(["run"]);
    assert.equal(ran.code, 1, JSON.stringify(ran));
    assert.match(ran.stdout, /^mongo {2}partial\n/);
    assert.match(ran.stdout, /app: SOURCE_NOT_FOUND: the database app has no collection gone/);
    assert.match(ran.stdout, /nowhere: SOURCE_NOT_FOUND: there is no database nowhere/);
    await assertNoPassword(folder, ran);

    const wrong = await core(["run", "--verbose"], { ...env, MONGO_URI: uriOf(source, TARGET_PASSWORD) });
    assert.equal(wrong.code, 1, JSON.stringify(wrong));
    assert.match(`${wrong.stdout}${wrong.stderr}`, /SOURCE_UNAUTHORIZED/);
    await assertNoPassword(folder, wrong);
  });
});

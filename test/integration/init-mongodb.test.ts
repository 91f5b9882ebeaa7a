import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { configText } from "../../cli/init/config-text.ts";
import { find } from "../../cli/init/find.ts";
import { coreBackup, document, paths, temporaryFolder } from "../e2e/core-backup.ts";
import { noFerret, startFerret } from "../support/mongo-servers.ts";

test("init finds a MongoDB server by its answer, and what it writes is valid and backs it up", {
  skip: noFerret,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const env = { DOCKER_HOST: "unix:///no/such/docker.sock", HOME: folder, PATH: process.env.PATH };
  await using server = await startFerret();
  const client = new MongoClient(server.uri);
  await client.db("shop").collection("orders").insertOne({ number: 4711 });
  await client.close();
  const found = await find({ folder, env, mongodbPort: Number(new URL(server.uri).port) });
  assert.equal(found.mongodb, Number(new URL(server.uri).port));
  await writeFile(join(folder, "core-backup.yml"), configText({ found, folder, timezone: "UTC" }));
  const options = { cwd: folder, env };
  assert.deepEqual(document(await coreBackup(["validate", "--json"], options)), { ok: true, errors: [] });
  const ended = await coreBackup(["run", "--job", "databases", "--json"], options);
  assert.equal(ended.code, 0, ended.stderr);
  assert.ok((await paths(join(folder, "backups"))).some((path) => /databases\/.*\/shop\//.test(path)));
});

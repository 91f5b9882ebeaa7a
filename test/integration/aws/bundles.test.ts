import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { functionTable } from "../../../infra/functions.ts";
import { aDeployment, type Deployment } from "../../support/aws-stack.ts";
import { temporaryFolder } from "../../support/stores.ts";

const CONFIG = `
jobs:
  - { name: database, service: mongodb, compute: fargate, options: { uri_secret: backups/mongodb } }
  - { name: repositories, service: git, options: { repositories: [https://git.example.com/a.git] } }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }
`;
/** In bytes; what is loaded at each cold start. */
const BOUNDS: Readonly<Record<string, number>> = { verdict: 160 * 1024 };
const BOUND = 1800 * 1024;
/** With the driver of MongoDB. */
const BOUND_OF_READERS = 3 * 1024 * 1024;

describe("functions of a configuration with a source that has a client of its own", () => {
  let deployment: Deployment;
  const bundleOf = (name: string) => join(deployment.folder, ".build", name, "index.mjs");

  before(async () => {
    deployment = await aDeployment(CONFIG);
    await deployment.serverless("package", { params: { image: "core-backup:none" } });
  });
  after(() => deployment[Symbol.asyncDispose]());

  test("the client is carried by those alone that read the source", async () => {
    const carrying: string[] = [];
    for (const { name } of functionTable) {
      const { sources } = JSON.parse(await readFile(`${bundleOf(name)}.map`, "utf8")) as { sources: readonly string[] };
      if (sources.some((source) => source.includes("node_modules/mongodb/"))) carrying.push(name);
    }
    const readers = functionTable.filter(({ connectors }) => connectors).map(({ name }) => name);
    assert.deepEqual(carrying, readers);
  });

  for (const { name, connectors } of functionTable) {
    test(`${name} is one file of bounded size, which starts with nothing beside it`, async (t) => {
      await using folder = await temporaryFolder();
      const file = join(folder.path, "index.mjs");
      await cp(bundleOf(name), file);
      const { size } = await stat(file);
      assert.ok(size <= (BOUNDS[name] ?? (connectors ? BOUND_OF_READERS : BOUND)), `${size} bytes`);
      const { handler, ms } = await coldStart(file);
      assert.equal(handler, "function");
      t.diagnostic(`${name}: ${(size / 1024).toFixed(0)} KiB, ${ms.toFixed(0)} ms of a processor until it is loaded`);
    });
  }
});

/** What it takes to load a bundle, beyond Node itself. Told and not judged: it is as the machine is. */
async function coldStart(file: string): Promise<{ readonly handler: string; readonly ms: number }> {
  const script = `
    const before = process.cpuUsage();
    const { handler } = await import(${JSON.stringify(file)});
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(JSON.stringify({ handler: typeof handler, ms: (user + system) / 1000 }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    env: { PATH: process.env.PATH },
  });
  return JSON.parse(stdout);
}

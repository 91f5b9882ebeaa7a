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
notifications:
  mail: { type: email, host: mail.example.com, from: a@example.com, to: [b@example.com], username: a, password_ssm: /mail }
  topic: { type: sns, topic_arn: "arn:aws:sns:us-east-1:123456789012:backups" }
`;
/** In bytes; what is loaded at each cold start. */
const KIB = 1024;
const BOUNDS: Readonly<Record<string, number>> = { verdict: 110 * KIB };
const BOUND = 1100 * KIB;
const BOUND_OF_TELLERS = 1700 * KIB;
const BOUND_OF_MONGODB = 2150 * KIB;
const FUNCTIONS = functionTable.flatMap(({ name, connectors, notifiers }) =>
  connectors ? [`${name}-mongodb`, `${name}-git`].map((of) => ({ name: of, notifiers })) : [{ name, notifiers }],
);
const TELLERS = FUNCTIONS.filter(({ notifiers }) => notifiers).map(({ name }) => name);
/** Which functions carry what. */
const CLIENTS: Readonly<Record<string, (name: string) => boolean>> = {
  "node_modules/mongodb/": (name) => name.endsWith("-mongodb"),
  "node_modules/nodemailer/": (name) => TELLERS.includes(name),
  "@aws-sdk/client-sns/": (name) => TELLERS.includes(name),
  "@aws-sdk/client-ssm/": (name) => TELLERS.includes(name),
  "@aws-sdk/client-secrets-manager/": (name) => name.endsWith("-mongodb"),
  "@aws-sdk/client-eventbridge/": (name) => name === "watch",
  "@aws-sdk/client-s3/": (name) => name !== "verdict",
  "lib/notifiers/slack.ts": () => false,
};

describe("functions of a configuration with clients of its own", () => {
  let deployment: Deployment;
  const bundleOf = (name: string) => join(deployment.folder, ".build", name, "index.mjs");

  before(async () => {
    deployment = await aDeployment(CONFIG);
    await deployment.serverless("package", { params: { image: "core-backup:none" } });
  });
  after(() => deployment[Symbol.asyncDispose]());

  test("a client is carried by those alone that can use it", async () => {
    const carried: Record<string, string[]> = {};
    for (const { name } of FUNCTIONS) {
      // A module that was taken out is a line in the place of its source.
      const { sources, sourcesContent } = JSON.parse(await readFile(`${bundleOf(name)}.map`, "utf8")) as SourceMap;
      const whole = sources.filter((_, n) => !sourcesContent[n]?.startsWith("throw new Error("));
      for (const client of Object.keys(CLIENTS))
        if (whole.some((source) => source.includes(client))) carried[client] = [...(carried[client] ?? []), name];
    }
    for (const [client, uses] of Object.entries(CLIENTS)) {
      const users = FUNCTIONS.map(({ name }) => name).filter(uses);
      assert.deepEqual(carried[client] ?? [], users, client);
    }
  });

  for (const { name } of FUNCTIONS) {
    test(`${name} is one file of bounded size, which starts with nothing beside it`, async (t) => {
      await using folder = await temporaryFolder();
      const file = join(folder.path, "index.mjs");
      await cp(bundleOf(name), file);
      const { size } = await stat(file);
      const bound = name.endsWith("-mongodb") ? BOUND_OF_MONGODB : TELLERS.includes(name) ? BOUND_OF_TELLERS : BOUND;
      assert.ok(size <= (BOUNDS[name] ?? bound), `${size} bytes`);
      const { handler, ms } = await coldStart(file);
      assert.equal(handler, "function");
      t.diagnostic(`${name}: ${(size / KIB).toFixed(0)} KiB, ${ms.toFixed(0)} ms of a processor until it is loaded`);
    });
  }
});

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent: readonly (string | null)[];
}

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

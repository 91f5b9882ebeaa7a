import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import { LambdaClient, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { MongoClient } from "mongodb";
import type { ManifestUnit } from "../../../lib/manifest.ts";
import { formsOf } from "../../support/canary.ts";
import { makeServerCertificate, type ServerCertificate } from "../../support/certificates.ts";
import { imageMissing, loadImage } from "../../support/container-image.ts";
import { aDeployedStack, type DeployedStack, logEvents, until } from "../../support/deployed-stack.ts";
import { type DockerEngine, startDockerEngine } from "../../support/docker-engine.ts";
import { freePort } from "../../support/free-port.ts";
import { type MongoServer, noFerret, startFerret } from "../../support/mongo-servers.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";

const CANARY = "canary-cXV4Zm9v-41d07be85a";
/** Of that `lib/function-backup.ts` keeps 20 s for the last record. */
const SHORT_FUNCTION_SECONDS = 26;

describe("tasks on Fargate, in real containers", { skip: noMinistack || noFerret || imageMissing() }, () => {
  let stack: DeployedStack;
  let engine: DockerEngine;
  let served: ServedRepositories;
  let mongo: MongoServer;
  let lambda: LambdaClient;
  let folder: string;
  let enginePort: number;

  before(async () => {
    served = await servedRepositories(["one.git", "two.git"]);
    mongo = await startFerret();
    folder = await mkdtemp(join(tmpdir(), "core-backup-fargate-"));
    const certificate = await makeServerCertificate(folder);
    enginePort = await freePort();
    const { caFile, certFile, keyFile } = certificate;
    engine = await startDockerEngine([
      ...["--host", `tcp://127.0.0.1:${enginePort}`, "--tlsverify"],
      ...["--tlscacert", caFile, "--tlscert", certFile, "--tlskey", keyFile],
    ]);
    const image = await loadImage(engine);
    stack = await aDeployedStack(configuration(), { params: { image }, dockerHost: engine.host });
    lambda = new LambdaClient(stack.client);
    await putSecrets(certificate);
  });

  after(async () => {
    lambda?.destroy();
    for (const one of [stack, engine, served, mongo]) await one?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function putSecrets({ caFile, certFile, keyFile }: ServerCertificate): Promise<void> {
    const manager = new SecretsManagerClient(stack.client);
    const put = (Name: string, SecretString: string) => manager.send(new CreateSecretCommand({ Name, SecretString }));
    await put("backups/git", CANARY);
    await put("backups/mongodb", mongo.uri);
    await put("docker/ca", await readFile(caFile, "utf8"));
    await put("docker/cert", await readFile(certFile, "utf8"));
    await put("docker/key", await readFile(keyFile, "utf8"));
    manager.destroy();
  }

  test("each unit of a job with compute: fargate is a container, which logs job, run and unit", async () => {
    const ended = await stack.execute("tasks");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { units } = await manifestOf("tasks", ended);
    assert.deepEqual(
      units.map(({ status, compute }) => [status, compute]),
      [
        ["ok", "fargate"],
        ["ok", "fargate"],
      ],
    );
    const lines = (await logged("recorded")).filter(({ job }) => job === "tasks");
    assert.deepEqual(new Set(lines.map(({ unit }) => unit)), new Set(units.map(({ id }) => id)));
    assert.equal(lines.length, units.length);
    const { run } = JSON.parse(ended.output ?? "{}");
    for (const line of lines) assert.equal(line.run, run);
  });

  test("a secret that a task reads is given to the source, and is in no log of tasks and no container's settings", async () => {
    const sent = served.git.seen.map(({ authorization = "" }) => atob(authorization.replace("Basic ", "")));
    assert.ok(sent.some((text) => text.includes(CANARY)));
    const containers = (await engine.docker("ps", "--all", "--quiet", "--filter", "name=ministack-ecs")).trim();
    const settings = await engine.docker("inspect", ...containers.split("\n"));
    assert.match(settings, /CORE_BACKUP_CONFIG_GZIP=/);
    const log = (await logEvents(stack.client, "/aws/ecs/core-backup-test")).join("\n");
    assert.match(log, /"recorded"/);
    for (const form of formsOf(CANARY)) {
      assert.ok(!log.includes(form), "the secret is in the log");
      assert.ok(!settings.includes(form), "the secret is in a container's settings");
    }
  });

  test("what is unchanged is taken over by a function, and still counts as a task's", async () => {
    const before = (await logged("recorded")).length;
    const { units } = await manifestOf("tasks", await stack.execute("tasks"));
    assert.deepEqual(
      units.map(({ status, compute }) => [status, compute]),
      [
        ["unchanged", "fargate"],
        ["unchanged", "fargate"],
      ],
    );
    assert.equal((await logged("recorded")).length, before);
  });

  test("a unit that does not end within the function's time goes on in a task, and begins there the next time", async () => {
    await functionSeconds(SHORT_FUNCTION_SECONDS);
    let held = 0;
    // The first is the plan's, which lists refs; the second is the function's.
    served.git.switches.answer = ({ method }) => method === "POST" && ++held === 2;
    const ended = await stack.execute("grows");
    served.git.switches.answer = () => false;
    await functionSeconds(900);
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { units } = await manifestOf("grows", ended);
    assert.deepEqual(
      units.map(({ status, compute }) => [status, compute]),
      [["ok", "fargate"]],
    );
    const [line] = await planOf("grows", await stack.execute("grows"));
    assert.equal(line?.compute, "fargate");
  });

  test("a task that is killed is a failed unit with its exit code, and the next execution succeeds by itself", async () => {
    const { ended, release } = await whileReading("killed", (container) => engine.docker("kill", container));
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await manifestOf("killed", ended)).units;
    assert.equal(unit?.error?.code, "UNIT_KILLED");
    assert.match(unit?.error?.message ?? "", /^its task ended with exit code 137/);
    release();
    const next = await stack.execute("killed");
    assert.deepEqual([next.status, JSON.parse(next.output ?? "{}").status], ["SUCCEEDED", "ok"]);
  });

  test("a task that is stopped ends in order, and its record says so", async () => {
    const { ended, release } = await whileReading("stopped", (container) => engine.docker("stop", container));
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await manifestOf("stopped", ended)).units;
    assert.deepEqual([unit?.error?.code, unit?.compute], ["INTERRUPTED", "fargate"]);
    release();
  });

  test("a volume of an Engine behind TLS is listed by a function and read by a task, which holds who writes to it", async () => {
    await engine.docker("volume", "create", "far");
    await writeFile(join(await engine.folderOf("far"), "file"), "far away");
    await engine.runs("writer", "while :; do sleep 1; done", "--volume", "far:/data");
    const ended = await stack.execute("volumes");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { units } = await manifestOf("volumes", ended);
    assert.deepEqual(
      units.map(({ id, status, compute }) => [id, status, compute]),
      [["far", "ok", "fargate"]],
    );
    const tar = units[0]?.artifacts.find(({ facts }) => facts.held !== undefined);
    assert.deepEqual(Object.keys(tar?.facts.held ?? {}), ["writer"]);
    assert.equal(await engine.state("writer"), "running");
    const stored = await stack.object(`backups/volumes/${snapshotOf(ended).replace("T", "/")}/${tar?.path}`);
    assert.match(zstdDecompressSync(stored).toString("latin1"), /far away/);
  });

  // Here mongodump is that of test/peers/container, which writes what the driver reads.
  test("a database with dump_strategy: mongodump is listed by a function and dumped by the image's program", async () => {
    const client = await MongoClient.connect(mongo.uri);
    const orders = Array.from({ length: 300 }, (_, n) => ({ article: `article ${n}` }));
    await client.db("shop").collection("orders").insertMany(orders);
    await client.close();
    const ended = await stack.execute("dumped");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { units } = await manifestOf("dumped", ended);
    assert.deepEqual(
      units.map(({ id, status, compute }) => [id, status, compute]),
      [["shop", "ok", "fargate"]],
    );
    const [archive] = units[0]?.artifacts ?? [];
    assert.deepEqual([archive?.facts.strategy, archive?.facts.documents], ["mongodump", orders.length]);
  });

  function configuration(): string {
    const job = (name: string, compute: string, names: readonly string[], secret = "") => {
      const repositories = names.map((one) => `{ url: "${served.git.url}/${one}"${secret} }`).join(", ");
      return `  - { name: ${name}, service: git, compute: ${compute}, options: { repositories: [${repositories}] } }`;
    };
    return [
      "jobs:",
      job("tasks", "fargate", ["one.git", "two.git"], ", token_secret: backups/git"),
      job("grows", "auto", ["one.git"]),
      job("killed", "fargate", ["two.git"]),
      job("stopped", "fargate", ["two.git"]),
      "  - name: volumes",
      "    service: docker_volume",
      "    compute: fargate",
      "    options:",
      "      volumes: far",
      "      consistency: pause",
      `      host: tcp://127.0.0.1:${enginePort}`,
      "      tls: { ca_secret: docker/ca, cert_secret: docker/cert, key_secret: docker/key }",
      "  - name: dumped",
      "    service: mongodb",
      "    options: { uri_secret: backups/mongodb, databases: [{ name: shop, dump_strategy: mongodump }] }",
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }",
      "",
    ].join("\n");
  }

  /** Holds the task's first question to its source, and meanwhile does `work` to its container. */
  async function whileReading(job: string, work: (container: string) => Promise<unknown>) {
    let posts = 0;
    served.git.switches.answer = ({ method }) => method === "POST" && ++posts > 1;
    const execution = await stack.start(job);
    await until(async () => posts > 1);
    await work(await engine.docker("ps", "--quiet", "--filter", "name=ministack-ecs"));
    const release = () => {
      served.git.switches.answer = () => false;
    };
    return { ended: await stack.untilEnded(execution), release };
  }

  const functionSeconds = (Timeout: number) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "core-backup-test-collect-git", Timeout }));

  function snapshotOf({ status, output, cause }: DescribeExecutionOutput): string {
    // Of a run that ended badly the outcome is what the verdict threw.
    const outcome = status === "SUCCEEDED" ? output : JSON.parse(cause ?? "{}").errorMessage;
    const { snapshot } = JSON.parse(outcome ?? "{}");
    assert.ok(snapshot, `a snapshot in ${output} or ${cause}`);
    return snapshot;
  }

  const manifestOf = (job: string, ended: DescribeExecutionOutput) => stack.manifestOf(job, snapshotOf(ended));

  async function planOf(job: string, ended: DescribeExecutionOutput): Promise<Pick<ManifestUnit, "compute">[]> {
    const plan = await stack.object(`backups/${job}/${snapshotOf(ended).replace("T", "/")}/.run/plan.jsonl`);
    return plan
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** Lines of the tasks' log group with that message. */
  async function logged(message: string): Promise<Record<string, unknown>[]> {
    await delay(1000);
    const lines = await logEvents(stack.client, "/aws/ecs/core-backup-test");
    return lines.map((line) => JSON.parse(line)).filter((line) => line.message === message);
  }
});

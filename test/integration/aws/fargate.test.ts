import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LambdaClient, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import {
  type DescribeExecutionOutput,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { type ManifestUnit, manifestSchema } from "../../../lib/manifest.ts";
import { aDeployment, type Deployment } from "../../support/aws-stack.ts";
import { imageMissing, loadImage } from "../../support/container-image.ts";
import { executionEnded, until } from "../../support/deployed-stack.ts";
import { type DockerEngine, startDockerEngine } from "../../support/docker-engine.ts";
import { aRepository } from "../../support/git-repository.ts";
import { type GitServer, startGitServer } from "../../support/git-server.ts";
import { noMinistack, type S3Server, startMinistack } from "../../support/s3-server.ts";
import { temporaryFolder } from "../../support/stores.ts";

/** Of that `lib/function-backup.ts` keeps 20 s for the last record. */
const SHORT_FUNCTION_SECONDS = 26;

describe("tasks on Fargate, in real containers", { skip: noMinistack || imageMissing() }, () => {
  let cloud: S3Server;
  let engine: DockerEngine;
  let git: GitServer;
  let deployment: Deployment;
  let folder: AsyncDisposable & { readonly path: string };
  let s3: S3Client;
  let sfn: SFNClient;
  let lambda: LambdaClient;
  let bucket: string;

  before(async () => {
    folder = await temporaryFolder();
    for (const name of ["one.git", "two.git"]) await aRepository(folder.path, { name });
    git = await startGitServer(folder.path);
    engine = await startDockerEngine();
    const image = await loadImage(engine);
    cloud = await startMinistack({ mended: true, dockerHost: engine.host });
    deployment = await aDeployment(configuration());
    const client = { endpoint: cloud.endpoint, region: cloud.region, credentials: cloud.credentials };
    const env = {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_REGION: cloud.region,
      AWS_ACCESS_KEY_ID: cloud.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: cloud.credentials.secretAccessKey,
    };
    await deployment.serverless("deploy", { env, params: { image } });
    s3 = new S3Client({ ...client, forcePathStyle: true });
    sfn = new SFNClient(client);
    lambda = new LambdaClient(client);
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    bucket = Buckets.map(({ Name = "" }) => Name).find((name) => name.includes("backupbucket")) ?? "";
  });

  after(async () => {
    for (const one of [deployment, cloud, engine, git, folder]) await one?.[Symbol.asyncDispose]();
    for (const client of [s3, sfn, lambda]) client?.destroy();
  });

  test("each unit of a job with compute: fargate is a container, which logs job, run and unit", async () => {
    const ended = await execute("tasks");
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

  test("what is unchanged is taken over by a function, and still counts as a task's", async () => {
    const before = (await logged("recorded")).length;
    const { units } = await manifestOf("tasks", await execute("tasks"));
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
    git.switches.answer = ({ method }) => method === "POST" && ++held === 2;
    const ended = await execute("grows");
    git.switches.answer = () => false;
    await functionSeconds(900);
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { units } = await manifestOf("grows", ended);
    assert.deepEqual(
      units.map(({ status, compute }) => [status, compute]),
      [["ok", "fargate"]],
    );
    const [line] = await planOf("grows", await execute("grows"));
    assert.equal(line?.compute, "fargate");
  });

  test("a task that is killed is a failed unit with its exit code, and the next execution succeeds by itself", async () => {
    const { ended, release } = await whileReading("killed", (container) => engine.docker("kill", container));
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await manifestOf("killed", ended)).units;
    assert.equal(unit?.error?.code, "UNIT_KILLED");
    assert.match(unit?.error?.message ?? "", /^its task ended with exit code 137/);
    release();
    const next = await execute("killed");
    assert.deepEqual([next.status, JSON.parse(next.output ?? "{}").status], ["SUCCEEDED", "ok"]);
  });

  test("a task that is stopped ends in order, and its record says so", async () => {
    const { ended, release } = await whileReading("stopped", (container) => engine.docker("stop", container));
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await manifestOf("stopped", ended)).units;
    assert.deepEqual([unit?.error?.code, unit?.compute], ["INTERRUPTED", "fargate"]);
    release();
  });

  function configuration(): string {
    const job = (name: string, compute: string, names: readonly string[]) =>
      `  - { name: ${name}, service: git, compute: ${compute}, options: { repositories: [${names.map((one) => `${git.url}/${one}`).join(", ")}] } }`;
    return [
      "jobs:",
      job("tasks", "fargate", ["one.git", "two.git"]),
      job("grows", "auto", ["one.git"]),
      job("killed", "fargate", ["two.git"]),
      job("stopped", "fargate", ["two.git"]),
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }",
      "",
    ].join("\n");
  }

  /** Holds the task's first question to its source, and meanwhile does `work` to its container. */
  async function whileReading(job: string, work: (container: string) => Promise<unknown>) {
    let posts = 0;
    git.switches.answer = ({ method }) => method === "POST" && ++posts > 1;
    const execution = await start(job);
    await until(async () => posts > 1);
    await work(await engine.docker("ps", "--quiet", "--filter", "name=ministack-ecs"));
    const release = () => {
      git.switches.answer = () => false;
    };
    return { ended: await untilEnded(execution), release };
  }

  const functionSeconds = (Timeout: number) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "core-backup-test-collect", Timeout }));

  async function start(job: string): Promise<string> {
    const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
    const { stateMachineArn } = stateMachines.find(({ name }) => name === `core-backup-test-${job}`) ?? {};
    return (await sfn.send(new StartExecutionCommand({ stateMachineArn, input: "{}" }))).executionArn ?? "";
  }

  const untilEnded = (executionArn: string) => executionEnded(sfn, executionArn);
  const execute = async (job: string) => untilEnded(await start(job));

  async function textOf(key: string): Promise<string> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString()) ?? "";
  }

  function folderOf(job: string, { status, output, cause }: DescribeExecutionOutput): string {
    // Of a run that ended badly the outcome is what the verdict threw.
    const outcome = status === "SUCCEEDED" ? output : JSON.parse(cause ?? "{}").errorMessage;
    const { snapshot } = JSON.parse(outcome ?? "{}");
    assert.ok(snapshot, `a snapshot in ${output} or ${cause}`);
    return `backups/${job}/${snapshot.replace("T", "/")}`;
  }

  async function manifestOf(job: string, ended: DescribeExecutionOutput) {
    return manifestSchema.parse(JSON.parse(await textOf(`${folderOf(job, ended)}/manifest.json`)));
  }

  async function planOf(job: string, ended: DescribeExecutionOutput): Promise<Pick<ManifestUnit, "compute">[]> {
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `${folderOf(job, ended)}/.run/` }),
    );
    const key = Contents.find(({ Key }) => Key?.endsWith("plan.jsonl"))?.Key;
    assert.ok(key);
    return (await textOf(key))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** Lines of the tasks' log group with that message; the SDK's client for logs is no dependency of ours. */
  async function logged(message: string): Promise<Record<string, unknown>[]> {
    await delay(1000);
    const response = await fetch(cloud.endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.FilterLogEvents",
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${cloud.region}/logs/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify({ logGroupName: "/aws/ecs/core-backup-test" }),
    });
    const { events = [] } = (await response.json()) as { events?: { message: string }[] };
    return events.map((event) => JSON.parse(event.message)).filter((line) => line.message === message);
  }
});

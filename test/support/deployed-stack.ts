import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { setDefaultCACertificates } from "node:tls";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  DescribeMapRunCommand,
  ListMapRunsCommand,
  ListStateMachinesCommand,
  type MapRunItemCounts,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { type Manifest, manifestSchema } from "../../lib/manifest.ts";
import { coreBackup, type Ended, type Started, start as startCli } from "../e2e/core-backup.ts";
import { aDeployment, type Deployment } from "./aws-stack.ts";
import { type S3Server, startMinistack } from "./s3-server.ts";

/** Bounds what hangs, not what is slow. */
const ENDS_MS = 600_000;

export type ClientOptions = Pick<S3Server, "endpoint" | "region" | "credentials">;

/** The stack of a configuration, deployed onto an emulator of AWS, and a desk that may look at it. */
export interface DeployedStack extends AsyncDisposable {
  readonly cloud: S3Server;
  readonly deployment: Deployment;
  readonly bucket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  /** The configuration's file, as a desk has it. */
  readonly config: string;
  /** A command of ours with the configuration and credentials of the deployment, and nothing that names its bucket. */
  cli(...args: readonly string[]): Promise<Ended>;
  cliStarted(...args: readonly string[]): Started;
  /** What the clients of AWS are made of. */
  readonly client: ClientOptions;
  /** ARN of a job's state machine. */
  machineOf(job: string): Promise<string>;
  /** Starts an execution of a job, and answers its ARN. */
  start(job: string, input?: unknown): Promise<string>;
  /** Starts one and waits for its end. */
  execute(job: string): Promise<DescribeExecutionOutput>;
  untilEnded(executionArn: string): Promise<DescribeExecutionOutput>;
  /** How many executions its first fan-out had, one a unit. */
  childrenOf(execution: Pick<DescribeExecutionOutput, "executionArn">): Promise<Partial<MapRunItemCounts>>;
  object(key: string): Promise<Buffer>;
  keysBelow(prefix: string): Promise<readonly string[]>;
  manifestOf(job: string, snapshot: string): Promise<Manifest>;
  /** Messages of the log groups of a step's functions: those that read sources are several. */
  logOf(step: string): Promise<readonly string[]>;
}

/**
 * `config`: jobs whose storage is `{ type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }`. With `enforced`
 * the roles and policies of the template decide what functions may do, and this process trusts the emulator's certificate.
 * `settings` are variables of the emulator, and `dockerHost` is the engine in which it runs tasks, `mounts` what
 * is mounted for it.
 */
export async function aDeployedStack(
  config: string,
  {
    params = {},
    enforced = false,
    settings = {},
    dockerHost,
    mounts,
  }: {
    params?: Readonly<Record<string, string>>;
    enforced?: boolean;
    settings?: Readonly<Record<string, string>>;
    dockerHost?: string;
    mounts?: string;
  } = {},
): Promise<DeployedStack> {
  const cloud = await startMinistack({ mended: true, enforced, settings, dockerHost, mounts });
  if (cloud.caFile !== undefined) setDefaultCACertificates([await readFile(cloud.caFile, "utf8")]);
  const env = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: cloud.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.credentials.secretAccessKey,
    ...(cloud.caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: cloud.caFile }),
  };
  const desk = await mkdtemp(join(tmpdir(), "core-backup-desk-"));
  const file = join(desk, "core-backup.yml");
  await writeFile(file, config);
  const deployment = await aDeployment(config);
  const client = { endpoint: cloud.endpoint, region: cloud.region, credentials: cloud.credentials };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const sfn = new SFNClient(client);
  async function dispose() {
    s3.destroy();
    sfn.destroy();
    await deployment[Symbol.asyncDispose]();
    await cloud[Symbol.asyncDispose]();
    await rm(desk, { recursive: true, force: true });
  }
  try {
    await deployment.serverless("deploy", { env, params });
  } catch (error) {
    await dispose();
    throw error;
  }
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const bucket = Buckets.map(({ Name = "" }) => Name).find((name) => name.includes("backupbucket")) ?? "";
  const options = { cwd: desk, env: { ...env, HOME: desk } };
  const object = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    assert.ok(Body);
    return Buffer.from(await Body.transformToByteArray());
  };
  async function machineOf(job: string) {
    const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
    const found = stateMachines.find(({ name }) => name === `core-backup-test-${job}`)?.stateMachineArn;
    assert.ok(found, `a state machine for ${job}`);
    return found;
  }
  async function start(job: string, input: unknown = {}) {
    const command = new StartExecutionCommand({ stateMachineArn: await machineOf(job), input: JSON.stringify(input) });
    return (await sfn.send(command)).executionArn ?? "";
  }
  return {
    cloud,
    deployment,
    client,
    bucket,
    env,
    s3,
    sfn,
    config: file,
    cli: (...args) => coreBackup([...args, "--config", file], options),
    cliStarted: (...args) => startCli([...args, "--config", file], options),
    machineOf,
    start,
    execute: async (job) => executionEnded(sfn, await start(job)),
    untilEnded: (executionArn) => executionEnded(sfn, executionArn),
    async childrenOf({ executionArn }) {
      const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
      const { itemCounts = {} } = await sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns[0]?.mapRunArn }));
      return itemCounts;
    },
    object,
    async keysBelow(prefix) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
      return Contents.map(({ Key = "" }) => Key);
    },
    async manifestOf(job, snapshot) {
      const bytes = await object(`backups/${job}/${snapshot.replace("T", "/")}/manifest.json`);
      return manifestSchema.parse(JSON.parse(bytes.toString("utf8")));
    },
    async logOf(step) {
      const groups = (await functionsOf(cloud, step)).map((name) => logEvents(cloud, `/aws/lambda/${name}`));
      return (await Promise.all(groups)).flat();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** An execution as it is once it does not run any more. */
export async function executionEnded(sfn: SFNClient, executionArn: string): Promise<DescribeExecutionOutput> {
  let found: DescribeExecutionOutput | undefined;
  await until(async () => {
    found = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return found.status !== "RUNNING";
  });
  assert.ok(found);
  return found;
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + ENDS_MS; Date.now() < deadline; await delay(250)) if (await holds()) return;
  throw new Error(`not within ${ENDS_MS / 1000} s`);
}

/** Names of a step's functions. */
export async function functionsOf({ endpoint, region, credentials }: ClientOptions, step: string): Promise<string[]> {
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  lambda.destroy();
  const own = `core-backup-test-${step}`;
  return Functions.map(({ FunctionName = "" }) => FunctionName).filter(
    (name) => name === own || name.startsWith(`${own}-`),
  );
}

/** Messages of a log group. The emulator takes any signature, so no client is needed for this one question. */
export async function logEvents({ endpoint, region }: ClientOptions, logGroupName: string): Promise<readonly string[]> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Logs_20140328.FilterLogEvents",
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/logs/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify({ logGroupName, limit: 10_000 }),
  });
  const { events = [] } = (await response.json()) as { events?: readonly { message: string }[] };
  return events.map(({ message }) => message);
}

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { LambdaClient, ListFunctionsCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { type DescribeExecutionOutput, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { standBetween } from "../../support/between.ts";
import { comparable } from "../../support/comparable-manifest.ts";
import { aDeployedStack, type DeployedStack, functionsOf, until } from "../../support/deployed-stack.ts";
import { manifestAtADesk } from "../../support/desk-run.ts";
import { functionProcesses } from "../../support/function-process.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { assertRestorable, type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import { temporaryFolder } from "../../support/stores.ts";

const REPOSITORIES = ["one.git", "two.git", "three.git"];

describe("the stack, deployed onto an emulator of AWS", { skip: noMinistack }, () => {
  let stack: DeployedStack;
  let served: ServedRepositories;
  let queue: string;

  before(async () => {
    served = await servedRepositories(REPOSITORIES);
    stack = await aDeployedStack(configuration());
    assert.notEqual(stack.bucket, "");
    queue = await listenToBus();
  });

  after(async () => {
    for (const one of [stack, served]) await one?.[Symbol.asyncDispose]();
  });

  test("a run stores what the same configuration stores at a desk, unit by unit", async () => {
    const ended = await stack.execute("repositories");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { snapshot, verified, proved } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([verified, proved], [true, REPOSITORIES.length], ended.output);
    const deployed = await stack.manifestOf("repositories", snapshot);

    const config = configuration().replace("prefix: backups/", "prefix: desk/");
    const ofDesk = await manifestAtADesk("repositories", config, { ...stack.env, S3_BUCKET: stack.bucket });
    assert.deepEqual(comparable(deployed), comparable(ofDesk));
  });

  test("each unit of the plan is one child execution, and its bundle clones to the refs of its source", async () => {
    const ended = await stack.execute("repositories");
    const { snapshot, totals } = JSON.parse(ended.output ?? "{}");
    assert.equal(totals.unchanged, REPOSITORIES.length);
    assert.equal((await stack.childrenOf(ended)).succeeded, REPOSITORIES.length);
    const prefix = `backups/repositories/${folders(snapshot)}/`;
    await using copy = await temporaryFolder();
    for (const key of await stack.keysBelow(prefix)) {
      const path = join(copy.path, key.slice(prefix.length));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await stack.object(key));
    }
    assertRestorable(copy.path, await stack.manifestOf("repositories", snapshot), served);
  });

  test("a repository that is gone makes the run partial: announced with its numbers, and red on the console", async () => {
    const ended = await stack.execute("broken");
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupPartial"]);
    const { snapshot, totals } = outcomeOf(ended);
    assert.deepEqual([totals.ok, totals.failed], [1, 1]);
    const { units } = await stack.manifestOf("broken", snapshot);
    assert.deepEqual(units.map(({ error }) => error?.code).filter(Boolean), ["SOURCE_NOT_FOUND"]);
    const announced = await heard((detail) => detail.execution === ended.executionArn);
    assert.deepEqual([announced.status, announced.job, announced.totals], ["partial", "broken", totals]);
  });

  test("a run that is started while another one goes on ends as refused, and is no failure", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    served.git.switches.answer = (request, response) => {
      if (request.method !== "POST") return false;
      void held.then(() => response.destroy());
      return true;
    };
    const first = await stack.start("slow");
    await until(async () => (await stack.keysBelow("backups/slow/")).some((key) => key.endsWith("/.lease")));
    const second = await stack.execute("slow");
    served.git.switches.answer = () => false;
    release();
    assert.equal(second.status, "SUCCEEDED");
    const { status, reason } = JSON.parse(second.output ?? "{}");
    assert.equal(status, "refused");
    assert.match(reason, /^job slow is being worked on by (a run|run 01)/);
    assert.equal((await stack.untilEnded(first)).status, "SUCCEEDED", "what was cut is asked for again");
  });

  test("a function that dies leaves no unit unspoken of, and the next execution succeeds by itself", async () => {
    await breaking("collect", async () => {
      const ended = await stack.execute("lost");
      assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
      const { units } = await stack.manifestOf("lost", outcomeOf(ended).snapshot);
      assert.deepEqual(
        units.map(({ status, error }) => [status, error?.code]),
        [["failed", "UNIT_LOST"]],
      );
    });
    const next = await stack.execute("lost");
    assert.deepEqual([next.status, JSON.parse(next.output ?? "{}").status], ["SUCCEEDED", "ok"]);
  });

  for (const step of ["plan", "finish", "verify", "prune"] as const) {
    test(`when ${step} cannot be had, the execution ends announced, and the next one succeeds by itself`, async () => {
      await breaking(step, async () => {
        const ended = await stack.execute("steps");
        assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
        const announced = await heard((detail) => detail.execution === ended.executionArn);
        assert.deepEqual([announced.status, announced.job, announced.step], ["failed", "steps", step]);
      });
      const next = await stack.execute("steps");
      assert.deepEqual([next.status, JSON.parse(next.output ?? "{}").status], ["SUCCEEDED", "ok"]);
    });
  }

  test("a function that is killed at work is a failed unit that says so, and the next execution succeeds by itself", async () => {
    let posts = 0;
    // The first is the plan's, which lists refs; the second is the function's. `minutely` asks for another repository.
    served.git.switches.answer = ({ method, url }) =>
      method === "POST" && url?.startsWith("/two.git/") === true && ++posts > 1;
    const execution = await stack.start("crashed");
    await until(async () => posts > 1);
    const killed = await functionProcesses(stack.cloud.endpoint, "core-backup-test-collect-git");
    for (const pid of killed) process.kill(pid, "SIGKILL");
    const ended = await stack.untilEnded(execution);
    served.git.switches.answer = () => false;
    assert.notEqual(killed.length, 0);
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const { units } = await stack.manifestOf("crashed", outcomeOf(ended).snapshot);
    assert.deepEqual(
      units.map(({ status, error }) => [status, error?.code]),
      [["failed", "UNIT_KILLED"]],
    );
    const announced = await heard((detail) => detail.execution === ended.executionArn);
    assert.deepEqual([announced.status, announced.job], ["failed", "crashed"]);
    const next = await stack.execute("crashed");
    assert.deepEqual([next.status, JSON.parse(next.output ?? "{}").status], ["SUCCEEDED", "ok"]);
  });

  test("a storage that fails every tenth time, and the time after, changes nothing but how long a run takes", async () => {
    await using between = await standBetween(stack.cloud.endpoint);
    const failed = new Set<string>();
    const asked = new Map<string, number>();
    between.meddle = (call) => {
      if (!call.includes(`/${stack.bucket}`)) return undefined;
      // Of each method, so that it is no chance which ones fail.
      const [method = ""] = call.split(" ");
      const before = asked.get(method) ?? 0;
      asked.set(method, before + 1);
      if (before % 10 > 1) return undefined;
      failed.add(method);
      return { do: "answer", status: 500, body: "<Error><Code>InternalError</Code><Message>again</Message></Error>" };
    };
    await pointing(between.endpoint, async () => {
      const ended = await stack.execute("shaken");
      assert.deepEqual([ended.status, JSON.parse(ended.output ?? "{}").status], ["SUCCEEDED", "ok"], ended.cause);
      const { units } = await stack.manifestOf("shaken", JSON.parse(ended.output ?? "{}").snapshot);
      assert.deepEqual(
        units.map(({ status }) => status),
        REPOSITORIES.map(() => "ok"),
      );
    });
    assert.ok(failed.has("GET") && failed.has("PUT"), [...failed].join());
  });

  test("when notify cannot be had, the run has ended as it has", async () => {
    await breaking("notify", async () => {
      const ended = await stack.execute("untold");
      assert.deepEqual([ended.status, JSON.parse(ended.output ?? "{}").status], ["SUCCEEDED", "ok"]);
    });
  });

  test("a schedule starts its job by itself", async () => {
    const machine = await stack.machineOf("minutely");
    await until(async () => {
      const { executions = [] } = await stack.sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
      return executions.some(({ status }) => status === "SUCCEEDED");
    });
    assert.ok((await stack.keysBelow("backups/minutely/")).some((key) => key.endsWith("manifest.json")));
  });

  function configuration(): string {
    const job = (name: string, names: readonly string[], more = "") =>
      `  - { name: ${name}, service: git, ${more}options: { repositories: ${served.listed(names)} } }`;
    return [
      "jobs:",
      job("repositories", REPOSITORIES),
      job("broken", ["one.git", "absent.git"]),
      job("slow", ["one.git"]),
      job("lost", ["two.git"]),
      job("steps", ["three.git"]),
      job("untold", ["two.git"]),
      job("crashed", ["two.git"]),
      job("shaken", REPOSITORIES),
      job("minutely", ["one.git"], 'schedule: "* * * * *", '),
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "",
    ].join("\n");
  }

  /** With a handler that its bundle does not have, a function fails whenever it is called. */
  async function breaking(step: string, work: () => Promise<void>): Promise<void> {
    const lambda = new LambdaClient(stack.client);
    const [FunctionName = ""] = await functionsOf(stack.client, step);
    const folder = FunctionName.replace("core-backup-test-", "");
    const handler = (name: string) =>
      lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Handler: `.build/${folder}/index.${name}` }));
    await handler("broken");
    try {
      await work();
    } finally {
      await handler("handler");
      lambda.destroy();
    }
  }

  /** Has all functions find AWS at another address meanwhile. */
  async function pointing(endpoint: string, work: () => Promise<void>): Promise<void> {
    const lambda = new LambdaClient(stack.client);
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
    const give = async (more: Record<string, string>) => {
      for (const { FunctionName, Environment } of Functions)
        await lambda.send(
          new UpdateFunctionConfigurationCommand({
            FunctionName,
            Environment: { Variables: { ...Environment?.Variables, ...more } },
          }),
        );
    };
    await give({ AWS_ENDPOINT_URL: endpoint });
    try {
      await work();
    } finally {
      await give({});
      lambda.destroy();
    }
  }

  /** A queue that hears what is announced on the stack's bus, as anyone's rule would. */
  async function listenToBus(): Promise<string> {
    const sqs = new SQSClient(stack.client);
    const events = new EventBridgeClient(stack.client);
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "announced" }));
    const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    const { Attributes } = await sqs.send(asked);
    const EventBusName = "core-backup-test";
    const EventPattern = JSON.stringify({ source: ["core-backup"], "detail-type": ["Backup Run Finished"] });
    await events.send(new PutRuleCommand({ Name: "all", EventBusName, EventPattern }));
    const Targets = [{ Id: "queue", Arn: Attributes?.QueueArn ?? "" }];
    await events.send(new PutTargetsCommand({ Rule: "all", EventBusName, Targets }));
    return QueueUrl;
  }

  async function heard(wanted: (detail: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    const sqs = new SQSClient(stack.client);
    let found: Record<string, unknown> | undefined;
    await until(async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 }));
      found = Messages.map(({ Body = "{}" }) => JSON.parse(Body).detail).find(wanted);
      return found !== undefined;
    });
    sqs.destroy();
    return found ?? {};
  }
});

/** Of one that did not end well: what its last function threw. */
const outcomeOf = ({ cause = "{}" }: DescribeExecutionOutput) => JSON.parse(JSON.parse(cause).errorMessage);

/** `2026-11-22T030000Z` as it stands in a key. */
const folders = (snapshot: string): string => snapshot.replace("T", "/");

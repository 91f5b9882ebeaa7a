import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { InvokeCommand, LambdaClient, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { type DescribeExecutionOutput, GetExecutionHistoryCommand, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { ListQueuesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { type Meddling, standBetween } from "../../support/between.ts";
import { comparable } from "../../support/comparable-manifest.ts";
import { aDeployedStack, type DeployedStack, functionsOf, until } from "../../support/deployed-stack.ts";
import { manifestAtADesk } from "../../support/desk-run.ts";
import { functionProcess } from "../../support/function-process.ts";
import { functionsAt } from "../../support/functions-at.ts";
import { type HeardEvent, listening } from "../../support/heard-events.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { assertRestorable, type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import { temporaryFolder } from "../../support/stores.ts";

const REPOSITORIES = ["one.git", "two.git", "three.git"];

interface Kill {
  readonly step: string;
  readonly at: RegExp;
  /** Not before this one. */
  readonly after?: RegExp;
  readonly ends: readonly [string, string, string | undefined];
}

/**
 * The request that a step's function is killed at, and how its run then ends: on the console, and as what it is announced with
 * which step. What is called again after that, or in parts, ends well.
 */
const KILLS: readonly Kill[] = [
  // The units are listed, and nothing says that the list is whole.
  { step: "plan", at: /^PUT .*\/kill-plan\/.*\/run\.json/, ends: ["FAILED", "failed", "plan"] },
  { step: "collect", at: /^PUT .*\/kill-collect\/.*\/repository\.bundle/, ends: ["FAILED", "failed", undefined] },
  // The digests are there.
  { step: "finish", at: /^PUT .*\/kill-finish\/.*\/manifest\.json/, ends: ["SUCCEEDED", "ok", undefined] },
  { step: "verify", at: /^PUT .*\/kill-verify\/.*\/verified\.json/, ends: ["SUCCEEDED", "ok", undefined] },
  // The manifest is gone, and what it named is there: no other job has something to remove.
  { step: "prune", at: /^POST [^?]*\?delete/, ends: ["FAILED", "failed", "prune"] },
  // What was told before is read, which finish does too.
  {
    step: "notify",
    at: /^GET .*\/kill-notify\/\.told\.json/,
    after: /^PUT .*\/kill-notify\/.*\/verified\.json/,
    ends: ["SUCCEEDED", "ok", undefined],
  },
];

const INTERNAL_ERROR: Meddling = {
  do: "answer",
  status: 500,
  body: "<Error><Code>InternalError</Code><Message>again</Message></Error>",
};

describe("the stack, deployed onto an emulator of AWS", { skip: noMinistack }, () => {
  let stack: DeployedStack;
  let served: ServedRepositories;
  let events: () => Promise<readonly HeardEvent[]>;

  before(async () => {
    served = await servedRepositories(REPOSITORIES);
    stack = await aDeployedStack(configuration());
    assert.notEqual(stack.bucket, "");
    events = await listening(stack);
    const parameters = new SSMClient(stack.client);
    const Value = `${served.git.url}/hook`;
    await parameters.send(new PutParameterCommand({ Name: "/backups/hook", Type: "SecureString", Value }));
    parameters.destroy();
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
    const told = await announced(ended);
    assert.deepEqual([told.status, told.job, told.totals], ["partial", "broken", totals]);
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
    assertGood(await stack.execute("lost"));
  });

  for (const step of ["plan", "finish", "verify", "prune"] as const) {
    test(`when ${step} cannot be had, the execution ends announced, and the next one succeeds by itself`, async () => {
      await breaking(step, async () => {
        const ended = await stack.execute("steps");
        assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
        const told = await announced(ended);
        assert.deepEqual([told.status, told.job, told.step], ["failed", "steps", step]);
        await assertOnRecord(told);
      });
      assertGood(await stack.execute("steps"));
    });
  }

  test("each step is killed at work and storages fail for long: each run ends announced, and the next ones by themselves well", async () => {
    const pruned = outputOf(await stack.execute("kill-prune"));
    await using between = await standBetween(stack.cloud.endpoint);
    const deaths = KILLS.map((one) => ({
      after: one.at,
      ...one,
      held: Promise.withResolvers<number>(),
      isHeld: false,
    }));
    const shaken = shaking();
    let isDown = true;
    between.meddle = (call, _, port) => {
      const death = deaths.find(
        ({ at, after, isHeld }) => !isHeld && at.test(call) && between.calls.some((one) => after.test(one)),
      );
      if (death === undefined) return isDown && /down(\/|%2F)/.test(call) ? INTERNAL_ERROR : shaken.meddle(call);
      death.isHeld = true;
      death.held.resolve(port);
      return { do: "hang" };
    };
    await functionsAt(stack.client, between.endpoint, async () => {
      const kills = deaths.map(async ({ step, ends, held }) => {
        const execution = await stack.start(`kill-${step}`);
        const early = stack.untilEnded(execution).then(({ cause }) => assert.fail(`${step} was not held: ${cause}`));
        const port = await Promise.race([held.promise, early]);
        const pid = await functionProcess(step, port, Number(new URL(between.endpoint).port));
        assert.ok(pid, `a process of ${step}`);
        process.kill(pid, "SIGKILL");
        const ended = await stack.untilEnded(execution);
        const told = await announced(ended);
        assert.deepEqual([ended.status, told.status, told.step], ends, `${step}: ${ended.cause}`);
        await assertOnRecord(told);
        if (step === "collect") assert.deepEqual(await unitFaults("kill-collect", ended), ["UNIT_KILLED"]);
        assertGood(await stack.execute(`kill-${step}`));
      });
      const outage = async () => {
        const execution = await stack.start("down");
        await until(async () => (await failuresOf(execution)).includes("TransientError"));
        isDown = false;
        assertGood(await stack.untilEnded(execution));
      };
      await Promise.all([...kills, outage(), stack.execute("shaken").then(assertGood)]);
    });
    assert.ok(shaken.failed.has("GET") && shaken.failed.has("PUT"), [...shaken.failed].join());
    const left = await stack.keysBelow(`backups/kill-prune/${folders(pruned.snapshot)}/`);
    assert.deepEqual(left, [], "what prune had begun to remove");
  });

  /** As the rule of a stopped run calls it; the emulator's own rules call a function once, and hand on nothing. */
  test("what notify fails at, each time that Lambda calls it, lies in the queue that is an alarm", async () => {
    const sqs = new SQSClient(stack.client);
    const lambda = new LambdaClient(stack.client);
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
    const QueueUrl = QueueUrls.find((url) => url.includes("ScheduleDeadLetters"));
    assert.ok(QueueUrl, QueueUrls.join());
    const asked = { outcome: { job: "lost", status: "interrupted", stopped: "ABORTED", execution: "untold" } };
    const [FunctionName] = await functionsOf(stack.client, "notify");
    await breaking("notify", async () => {
      const Payload = JSON.stringify(asked);
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload }));
      let found: unknown;
      await until(async () => {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
        found = Messages.map(({ Body = "{}" }) => JSON.parse(Body).requestPayload).find((one) => one !== undefined);
        return found !== undefined;
      });
      assert.deepEqual(found, asked);
    });
    sqs.destroy();
    lambda.destroy();
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
    const job = (name: string, names: readonly string[], more = "notify: [], ") =>
      `  - { name: ${name}, service: git, ${more}options: { repositories: ${served.listed(names)} } }`;
    return [
      "jobs:",
      job("repositories", REPOSITORIES),
      job("broken", ["one.git", "absent.git"]),
      job("slow", ["one.git"]),
      job("lost", ["two.git"]),
      job("steps", ["three.git"]),
      job("shaken", REPOSITORIES),
      job("down", ["two.git"]),
      ...["plan", "collect", "finish", "verify"].map((step) => job(`kill-${step}`, ["two.git"])),
      job("kill-prune", ["two.git"], "notify: [], retention: { keep_last: 1 }, "),
      job("kill-notify", ["two.git"], "notify: [hook], "),
      job("minutely", ["one.git"], 'notify: [], schedule: "* * * * *", '),
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "notifications:",
      "  hook: { type: webhook, url_ssm: /backups/hook }",
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

  /** What is announced of an execution. */
  async function announced({ executionArn }: DescribeExecutionOutput): Promise<HeardEvent> {
    let found: HeardEvent | undefined;
    await until(async () => {
      const details = (await events()).map(({ detail }) => detail as HeardEvent);
      found = details.find(({ execution }) => execution === executionArn);
      return found !== undefined;
    });
    return found ?? {};
  }

  /** It has a manifest, or has left why it has none. */
  async function assertOnRecord({ job, snapshot, step }: HeardEvent): Promise<void> {
    if (snapshot !== undefined) return void (await stack.manifestOf(String(job), String(snapshot)));
    const keys = await stack.keysBelow(`backups/${job}/`);
    const last = keys.findLast((key) => key.endsWith("/.run/failed.json"));
    assert.ok(last, keys.join("\n"));
    const { error } = JSON.parse((await stack.object(last)).toString());
    assert.match(error.message, new RegExp(`^${step}: `));
  }

  async function unitFaults(job: string, ended: DescribeExecutionOutput): Promise<readonly (string | undefined)[]> {
    const { units } = await stack.manifestOf(job, outcomeOf(ended).snapshot);
    return units.map(({ error }) => error?.code);
  }

  /** Names of the errors with which states of an execution failed so far. */
  async function failuresOf(executionArn: string): Promise<readonly (string | undefined)[]> {
    const { events: history = [] } = await stack.sfn.send(new GetExecutionHistoryCommand({ executionArn }));
    return history.map((event) => (event.taskFailedEventDetails ?? event.lambdaFunctionFailedEventDetails)?.error);
  }
});

/** Every tenth request of the job `shaken` fails, and the one after: of each method, so that it is no chance which ones. */
function shaking() {
  const failed = new Set<string>();
  const asked = new Map<string, number>();
  return {
    failed,
    meddle(call: string): Meddling | undefined {
      if (!call.includes("shaken")) return undefined;
      const [method = ""] = call.split(" ");
      const before = asked.get(method) ?? 0;
      asked.set(method, before + 1);
      if (before % 10 > 1) return undefined;
      failed.add(method);
      return INTERNAL_ERROR;
    },
  };
}

function assertGood(ended: DescribeExecutionOutput): void {
  assert.deepEqual(
    [ended.status, outputOf(ended).status],
    ["SUCCEEDED", "ok"],
    `${ended.executionArn}: ${ended.cause}`,
  );
}

const outputOf = ({ output = "{}" }: DescribeExecutionOutput) => JSON.parse(output);

/** Of one that did not end well: what its last function threw. */
const outcomeOf = ({ cause = "{}" }: DescribeExecutionOutput) => JSON.parse(JSON.parse(cause).errorMessage);

/** `2026-11-22T030000Z` as it stands in a key. */
const folders = (snapshot: string): string => snapshot.replace("T", "/");

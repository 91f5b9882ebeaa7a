import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { type Between, type Meddling, standBetween } from "../../support/between.ts";
import type { Call, Fault } from "../../support/faulty-cloud.ts";
import { functionsAt } from "../../support/functions-at.ts";
import type { HeardEvent } from "../../support/heard-events.ts";
import { soonAgain, soonTried } from "../../support/machine-variants.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { noSecondEngine } from "../../support/second-engine.ts";
import { type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import { type Engine, outcomeOf, type TwoEngines, twoEngines } from "../../support/two-engines.ts";

/** Something of AWS that a run needs, and how the run ends that cannot have it at all. */
interface Needed {
  readonly what: string;
  readonly job: string;
  readonly is: (call: Call) => boolean;
  readonly faults: readonly Fault[];
  /** On the console; of the run itself where that says something else; and what did not end. */
  readonly ends: string;
  readonly status?: string;
  readonly step?: string;
  /** Of its units, where they are not good. */
  readonly units?: string;
}

const service = (code: string) => ({ do: "refuse", code, status: 500 }) as const;
/** What Lambda answers where it is at fault itself, and a function that is no more. */
const LOST: readonly Fault[] = [
  service("ServiceException"),
  { do: "die", error: "Runtime.ExitError", message: "it is no more" },
];
/** It had done its work. */
const UNHEARD: Fault = { do: "die-late", error: "Runtime.ExitError", message: "it is no more" };
const called = (name: string) => (call: Call) => call.step === name;

const HOW: Readonly<Record<string, string>> = {
  refuse: "answers 500",
  die: "dies",
  "die-late": "does its work and dies",
  exit: "is killed",
};

const NEEDED: readonly Needed[] = [
  { what: "plan", job: "single", is: called("plan"), faults: LOST, ends: "BackupFailed", step: "plan" },
  { what: "collect", job: "single", is: called("collect"), faults: LOST, ends: "BackupFailed", units: "UNIT_LOST" },
  { what: "finish", job: "single", is: called("finish"), faults: LOST, ends: "BackupFailed", step: "finish" },
  { what: "verify", job: "single", is: called("verify"), faults: LOST, ends: "BackupFailed", step: "verify" },
  { what: "prune", job: "single", is: called("prune"), faults: LOST, ends: "BackupFailed", step: "prune" },
  { what: "notify", job: "single", is: called("notify"), faults: LOST, ends: "SUCCEEDED" },
  {
    what: "verdict",
    job: "broken",
    is: called("verdict"),
    faults: LOST,
    // Nothing stands after it: what it could not be called for is what the console shows.
    ends: "Lambda.ServiceException | Runtime.ExitError",
    status: "partial",
    units: "SOURCE_NOT_FOUND",
  },
  {
    what: "a task",
    job: "tasks",
    is: called("task"),
    faults: [service("ServerException"), { do: "exit", code: 137 }],
    ends: "BackupFailed",
    units: "UNIT_KILLED",
  },
  { what: "the bus", job: "single", is: called("announce"), faults: [service("InternalException")], ends: "SUCCEEDED" },
];

describe("whichever one step is lost, its run ends told and on record, and the next one succeeds by itself", {
  skip: noMinistack || noSecondEngine,
}, () => {
  let served: ServedRepositories;
  let both: TwoEngines;
  let between: Between;

  before(async () => {
    served = await servedRepositories(["one.git"]);
    both = await twoEngines(configuration(), { image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/tasks:1" });
    between = await standBetween(both.stack.cloud.endpoint);
    const secrets = new SecretsManagerClient(both.stack.client);
    for (const Name of ["git", "key"])
      await secrets.send(new CreateSecretCommand({ Name, SecretString: "s3cret-of-it" }));
    secrets.destroy();
    served.git.switches.answer = (request, response) => {
      if (request.url !== "/hook") return false;
      response.writeHead(204).end();
      return true;
    };
    const parameters = new SSMClient(both.stack.client);
    const Value = `${served.git.url}/hook`;
    await parameters.send(new PutParameterCommand({ Name: "/hook", Type: "SecureString", Value }));
    parameters.destroy();
  });

  after(async () => {
    for (const one of [between, both, served]) await one?.[Symbol.asyncDispose]();
  });

  for (const name of ["MiniStack", "LocalStack"] as const) {
    for (const needed of NEEDED) {
      const { what, faults } = needed;
      const isLate = name === "LocalStack" && ["plan", "finish", "notify"].includes(what);
      for (const fault of isLate ? [...faults, UNHEARD] : faults) {
        const how = HOW[fault.do] ?? fault.do;
        test(`${what} ${how} (${name})`, async () => {
          const engine = engineOf(name);
          const { job, is, ends, status, step, units } = needed;
          await both.forget(job);
          const asked = faulty((call) => (is(call) ? fault : undefined));
          const before = timesTold();
          const ended = await engine.execute(job, given);
          assert.ok(asked.some(is));
          assert.equal(timesTold() - before, what === "notify" && fault !== UNHEARD ? 0 : 1);
          if (what === "the bus") assert.ok(asked.findIndex(called("notify")) < asked.findIndex(is));
          assert.ok(ends.split(" | ").includes(endOf(ended)), `${endOf(ended)}: ${ended.cause}`);
          const told = what === "the bus" ? outcomeOf(ended) : await both.announced(ended.executionArn ?? "");
          const expected = status ?? (ends === "SUCCEEDED" ? "ok" : "failed");
          assert.deepEqual([told.job, told.status, told.step], [job, expected, step]);
          await assertOnRecord(told, units);
          await assertNextIsGood(engine, needed, fault);
        });
      }
    }

    for (const step of ["plan", "collect", "notify"] as const) {
      test(`Secrets Manager answers 500 to ${step} (${name})`, async () => {
        const engine = engineOf(name);
        await both.forget("secret");
        const asked = faulty(() => undefined);
        let refused = 0;
        let isDown = true;
        between.meddle = (_, headers): Meddling | undefined => {
          if (!isDown || headers["x-amz-target"] !== "secretsmanager.GetSecretValue") return undefined;
          if (asked.findLast((call) => call.step !== "announce")?.step !== step) return undefined;
          refused += 1;
          return { do: "answer", status: 500, body: '{"__type":"InternalServiceError"}' };
        };
        await functionsAt(both.stack.client, between.endpoint, async () => {
          const before = timesTold();
          const ended = await engine.execute("secret", given);
          isDown = false;
          assert.ok(refused > 0);
          assert.equal(timesTold() - before, step === "notify" ? 0 : 1);
          assert.equal(endOf(ended), step === "notify" ? "SUCCEEDED" : "BackupFailed", ended.cause);
          const told = await both.announced(ended.executionArn ?? "");
          assert.equal(told.step, step === "plan" ? "plan" : undefined);
          await assertOnRecord(told, step === "collect" ? "SOURCE_UNAVAILABLE" : undefined);
          await assertGood(await engine.execute("secret", given));
        });
      });
    }

    test(`what Lambda, ECS, the bus and the bucket refuse twice is asked for again, and the run is good (${name})`, async () => {
      const engine = engineOf(name);
      await both.forget("tasks");
      const seen = new Map<string, number>();
      const asked = faulty((call) => {
        const kind = call.step === "collect" && call.payload.ended !== undefined ? "ended" : call.step;
        const before = seen.get(kind) ?? 0;
        seen.set(kind, before + 1);
        return before < 2 ? service(CODES[call.step] ?? "ServiceException") : undefined;
      });
      const ended = await engine.execute("tasks", given);
      await assertGood(ended);
      assert.equal((await both.announced(ended.executionArn ?? "")).status, "ok");
      const often = (step: string) => asked.filter((call) => call.step === step).length;
      assert.deepEqual(
        ["plan", "task", "finish", "verify", "prune", "notify", "announce"].map(often),
        Array(7).fill(3),
      );
      // MiniStack's fan-out reads the bucket in its own process, and asks nobody.
      if (name === "LocalStack") assert.equal(often("reader"), 3);
    });
  }

  /** Of the run that comes after one that lost something, with all there again. */
  async function assertNextIsGood(engine: Engine, { what, job }: Needed, fault: Fault): Promise<void> {
    faulty(() => undefined);
    // Who had the lease, or was to give it back, is gone. Functions ask MiniStack of executions, which knows only its own; else the clock decides.
    const isLeaseLeft = what === (fault === UNHEARD ? "plan" : "notify");
    // That nobody renews it is watched for 90 s each time, and what a Notify leaves that was never called is the same both times.
    if (isLeaseLeft && fault.do === "die") await both.freeLease(job);
    else if (isLeaseLeft && engine.name === "LocalStack") await both.neglectLease(job);
    const next = await engine.execute(job);
    if (job === "broken") return assert.equal(endOf(next), "BackupPartial", `after ${fault.do}: ${next.cause}`);
    await assertGood(next);
  }

  async function assertGood(ended: DescribeExecutionOutput): Promise<void> {
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { job, status, snapshot, verified } = outcomeOf(ended);
    assert.deepEqual([status, verified], ["ok", true]);
    assert.equal((await both.stack.manifestOf(String(job), String(snapshot))).status, "ok");
  }

  /** It has a manifest, in which units failed by that code, or has left why it has none. */
  async function assertOnRecord({ job, snapshot, step }: HeardEvent, code: string | undefined): Promise<void> {
    if (snapshot !== undefined) {
      const { units } = await both.stack.manifestOf(String(job), String(snapshot));
      const codes = units.flatMap(({ error }) => error?.code ?? []);
      return assert.deepEqual(codes, code === undefined ? [] : [code]);
    }
    const keys = await both.stack.keysBelow(`backups/${job}/`);
    const last = keys.findLast((key) => key.endsWith("/.run/failed.json"));
    assert.ok(last, keys.join("\n"));
    const { error } = JSON.parse((await both.stack.object(last)).toString());
    assert.match(error.message, new RegExp(`^${step}: `));
  }

  /** From now on: what happens to calls. Answers which there were, also of what the cloud does not count as calls. */
  function faulty(fault: (call: Call) => Fault | undefined): readonly Call[] {
    const asked: Call[] = [];
    both.faulty.fault = (call) => {
      asked.push(call);
      return fault(call);
    };
    return asked;
  }

  /** By the hook, of whatever run. */
  const timesTold = (): number => served.git.seen.filter(({ url }) => url === "/hook").length;

  const engineOf = (name: string): Engine => {
    const found = both.engines.find((engine) => engine.name === name);
    assert.ok(found);
    return found;
  };

  function configuration(): string {
    const job = (name: string, names: readonly string[], more: string) =>
      `  - { name: ${name}, service: git, ${more}, options: { repositories: ${served.listed(names)} } }`;
    return [
      "jobs:",
      job("single", ["one.git"], "compute: lambda"),
      job("broken", ["one.git", "absent.git"], "compute: lambda"),
      job("tasks", ["one.git"], "compute: fargate"),
      "  - name: secret",
      "    service: git",
      "    compute: lambda",
      `    options: { repositories: [{ url: "${served.git.url}/one.git", token_secret: git }] }`,
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "notifications:",
      "  hook: { type: webhook, url_ssm: /hook, key_secret: key, timeout: 6s, on: [success, partial, failure] }",
      "",
    ].join("\n");
  }
});

const CODES: Readonly<Record<string, string>> = {
  task: "ServerException",
  announce: "InternalException",
  reader: "InternalError",
};

const given = {
  changed: ({ States }: { readonly States: Record<string, Record<string, unknown>> }) => {
    soonTried(States);
    soonAgain(States);
  },
};

const endOf = ({ status, error }: DescribeExecutionOutput): string => (status === "FAILED" ? error : status) ?? "none";

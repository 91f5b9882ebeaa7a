import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  ListStateMachinesCommand,
} from "@aws-sdk/client-sfn";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { coreBackup, document, type Started } from "../../e2e/core-backup.ts";
import { formsOf } from "../../support/canary.ts";
import { aDeployedStack, type DeployedStack, until } from "../../support/deployed-stack.ts";
import { gitSync } from "../../support/git-repository.ts";
import { listening } from "../../support/heard-events.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import { zipEntries } from "../../support/zip-entries.ts";

const REPOSITORIES = ["one.git", "two.git", "three.git"];

interface StartedDocument {
  readonly job: string;
  readonly execution: string;
  readonly arn: string;
  readonly status: string;
  readonly snapshot?: string;
  readonly reason?: string;
  readonly console: string;
  readonly runs: readonly { readonly status: string; readonly only?: readonly string[]; readonly totals: object }[];
}

type Loose = Readonly<Record<string, unknown>>;

/** One of each kind: a source's, a notifier's address and key, and what artifacts are encrypted with. */
const CANARIES = {
  git: "canary-Zm9vYmFy-7f3a91c2d4",
  address: "canary-aG9va3Vy-2b8d60e19f",
  key: "canary-c2lnbmVk-e5c47a0b38",
  passphrase: "canary-cGFzc3dv-94f1d8c6a2",
} as const;

describe("a deployed stack, operated from a desk", { skip: noMinistack }, () => {
  let stack: DeployedStack;
  let served: ServedRepositories;

  let events: () => Promise<readonly Loose[]>;
  /** A run that is stopped: that waits for a minute and a half, in which the tests go on. */
  let stopped: { readonly execution: string; readonly stopping: Started };

  before(async () => {
    served = await servedRepositories(REPOSITORIES);
    stack = await aDeployedStack(configuration());
    events = await listening(stack);
    const manager = new SecretsManagerClient(clientOf(stack));
    for (const name of ["git", "key", "passphrase"] as const)
      await manager.send(new CreateSecretCommand({ Name: `backups/${name}`, SecretString: CANARIES[name] }));
    manager.destroy();
    const parameters = new SSMClient(clientOf(stack));
    const Value = `${served.git.url}/hook/${CANARIES.address}`;
    await parameters.send(new PutParameterCommand({ Name: "/backups/hook", Type: "SecureString", Value }));
    parameters.destroy();
    const { execution, release } = await held("slow");
    const stopping = stack.cliStarted("stop", "--job", "slow", "--stage", "test");
    await stopping.heard("waiting until no function of it is at work");
    release();
    stopped = { execution, stopping };
  });

  after(async () => {
    stopped?.stopping.process.kill();
    for (const one of [stack, served]) await one?.[Symbol.asyncDispose]();
  });

  const start = async (job: string, ...args: readonly string[]) =>
    document(await stack.cli("start", "--job", job, "--stage", "test", "--json", ...args)) as StartedDocument;

  /** A run of a job that goes on until `release`, in its second unit. */
  async function held(job: string) {
    let cut = () => {};
    const holding = new Promise<void>((resolve) => {
      cut = resolve;
    });
    let asked = 0;
    served.git.switches.answer = (request, response) => {
      if (request.method !== "POST" || !request.url?.includes("two.git")) return false;
      asked += 1;
      // The first is the plan's, which lists refs.
      if (asked === 1) return false;
      void holding.then(() => response.destroy());
      return true;
    };
    const started = await start(job);
    await until(async () => asked > 1);
    assert.ok((await stack.keysBelow(`backups/${job}/`)).some((key) => key.endsWith("units/0.json")));
    const release = () => {
      served.git.switches.answer = () => false;
      cut();
    };
    return { ...started, release };
  }

  test("start --wait follows a run to its end, unit by unit, and reports it as run does", async () => {
    const ended = await stack.cli("start", "--job", "repositories", "--stage", "test", "--wait");
    assert.equal(ended.code, 0, JSON.stringify(ended));
    assert.match(ended.stderr, /started desk-\S+: https:\/\/us-east-1\.console\.aws\.amazon\.com\/states\/home/);
    for (const name of REPOSITORIES)
      assert.match(
        ended.stderr,
        new RegExp(`repositories \\S*${name.replace(/\.git$/, "")}\\S*: .* -> `),
        ended.stderr,
      );
    assert.match(ended.stdout, /^repositories {2}ok\n/);
    assert.match(ended.stdout, /snapshot \S+ lies in s3:\/\//);
    assert.equal(ended.stdout.match(/ ok +1 /g)?.length, REPOSITORIES.length);
  });

  test("a run that is narrowed says so, and one for a unit that is not there ends with the reason", async () => {
    const one = await start("repositories", "--wait", "--unit", "**/two");
    assert.deepEqual([one.status, one.runs[0]?.only], ["ok", ["**/two"]], JSON.stringify(one));
    const none = await stack.cli("start", "--job", "repositories", "--stage", "test", "--wait", "--unit", "fuor");
    assert.equal(none.code, 1);
    assert.match(none.stdout, /CONFIG_INVALID: plan: job repositories has no unit fuor/);
  });

  test("list, show, verify, restore and prune work on the deployed bucket", async () => {
    const cli = (command: string, ...args: readonly string[]) =>
      coreBackup([command, "--job", "repositories", ...args, "--config", stack.config], {
        env: { ...stack.env, S3_BUCKET: stack.bucket },
      });
    const listed = document(await cli("list", "--json")) as readonly { status: string; verified: boolean }[];
    assert.deepEqual([listed.length, listed.every(({ verified }) => verified)], [2, true]);
    assert.equal((await cli("show")).code, 0);
    const verified = await cli("verify", "--prove");
    assert.equal(verified.code, 0, JSON.stringify(verified));
    const to = join(served.folder, "restored");
    const restored = await cli("restore", "--to", to);
    assert.equal(restored.code, 0, JSON.stringify(restored));
    const paths = gitSync(served.folder, ["-C", join(served.folder, "one.git"), "show-ref"]);
    const [, path = ""] = /^ {2}(\S*one\S*)/m.exec(restored.stdout) ?? [];
    assert.equal(gitSync(served.folder, ["-C", join(to, path), "show-ref"]), paths);
    assert.equal((await cli("prune", "--dry-run")).code, 0);
  });

  test("prune removes from the deployed bucket what a desk's retention does not keep, and what is left is whole", async () => {
    const [older, newer] = [await start("kept", "--wait"), await start("kept", "--wait")];
    assert.deepEqual([older.status, newer.status], ["ok", "ok"], JSON.stringify([older, newer]));
    const config = join(served.folder, "keeps-one.yml");
    await writeFile(config, configuration().replace("keep_last: 9", "keep_last: 1"));
    const cli = (command: string, ...args: readonly string[]) =>
      coreBackup([command, "--job", "kept", ...args, "--config", config], {
        env: { ...stack.env, S3_BUCKET: stack.bucket },
      });
    const below = async (snapshot = "none") =>
      (await stack.keysBelow(`backups/kept/${snapshot.replace("T", "/")}/`)).length;
    const kept = await below(newer.snapshot);
    assert.ok((await below(older.snapshot)) > 0);
    const pruned = await cli("prune");
    assert.equal(pruned.code, 0, JSON.stringify(pruned));
    assert.deepEqual([await below(older.snapshot), await below(newer.snapshot)], [0, kept]);
    const listed = document(await cli("list", "--json")) as readonly { snapshot: string }[];
    assert.deepEqual(
      listed.map(({ snapshot }) => snapshot),
      [newer.snapshot],
    );
    assert.equal((await cli("verify", "--prove")).code, 0);
  });

  test("a partial run has exit code 1, and status says of each execution how it ended and where the console has it", async () => {
    const ended = await stack.cli("start", "--job", "broken", "--stage", "test", "--wait");
    assert.equal(ended.code, 1);
    assert.match(ended.stdout, /^broken {2}partial\n/);
    assert.match(ended.stdout, /SOURCE_NOT_FOUND/);
    const text = await stack.cli("status", "--stage", "test");
    assert.equal(text.code, 0, JSON.stringify(text));
    assert.match(text.stdout, /broken +desk-\S+ +partial/);
    assert.match(text.stdout, /broken desk-\S+: 1 of 2 units failed\n {4}https:/);
    const known = document(await stack.cli("status", "--stage", "test", "--json")) as readonly StartedDocument[];
    const all = known.filter(({ job }) => ["repositories", "broken"].includes(job));
    assert.deepEqual(
      all.map(({ job, status }) => [job, status]),
      [
        ["repositories", "failed"],
        ["repositories", "ok"],
        ["repositories", "ok"],
        ["broken", "partial"],
      ],
    );
    assert.match(all[0]?.reason ?? "", /^CONFIG_INVALID: plan: job repositories has no unit fuor/);
  });

  test("what is wrong with the question is said, with its exit code", async () => {
    const cases = [
      [
        ["start", "--job", "repositorys", "--stage", "test"],
        2,
        /has no job repositorys \(did you mean repositories\?\)/,
      ],
      [["start", "--job", "repositories", "--stage", "prod"], 2, /there is no stack core-backup-prod in us-east-1/],
      [
        ["status", "--job", "undeployed", "--stage", "test"],
        2,
        /core-backup-test in us-east-1 has no job undeployed; it has /,
      ],
      [["status", "--stage", "test", "--region", "us-west-2"], 2, /there is no stack core-backup-test in us-west-2/],
      [["stop", "--job", "broken", "--stage", "test"], 2, /no execution of job broken is running/],
    ] as const;
    const undeployed =
      "  - { name: undeployed, service: git, options: { repositories: [https://example.com/a.git] } }\nstorage:";
    await writeFile(stack.config, configuration().replace("storage:", undeployed));
    for (const [args, code, message] of cases) {
      const ended = await stack.cli(...args);
      assert.equal(ended.code, code, JSON.stringify(ended));
      assert.match(ended.stderr, message);
    }
  });

  test("a job that is running is not started again", async () => {
    const { execution, arn, release } = await held("busy");
    const second = await stack.cli("start", "--job", "busy", "--stage", "test");
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`job busy is running: execution ${execution}`));
    const shown = document(await stack.cli("status", "--job", "busy", "--stage", "test", "--json"));
    assert.deepEqual(
      (shown as readonly StartedDocument[]).map((one) => [one.execution, one.status]),
      [[execution, "running"]],
    );
    release();
    assert.equal((await stack.untilEnded(arn)).status, "SUCCEEDED", "what was cut is asked for again");
  });

  test("the watch tells of a job that is late: as a metric, on the bus, and in its answer", async () => {
    const watch = async () => {
      const lambda = new LambdaClient(clientOf(stack));
      const { Payload } = await lambda.send(
        new InvokeCommand({ FunctionName: "core-backup-test-watch", Payload: "{}" }),
      );
      lambda.destroy();
      return JSON.parse(Buffer.from(Payload ?? []).toString("utf8")) as { ok: boolean; jobs: readonly Loose[] };
    };
    await watch();
    await delay(2_000);
    const { ok, jobs } = await watch();
    assert.equal(ok, false);
    assert.deepEqual(
      jobs.filter((one) => one.ok === false),
      [{ job: "late", ok: false }],
    );
    let measured: readonly Loose[] = [];
    await until(async () => {
      const lines = (await stack.logOf("watch")).filter((line) => line.includes('"_aws"'));
      measured = lines
        .map((line) => JSON.parse(line))
        .filter(({ Job, JobNotWell }) => Job === "late" && JobNotWell === 1);
      return measured.length > 0;
    });
    assert.match(String(measured[0]?.message), /^JOB_LATE: there is no good snapshot/);
    await until(async () =>
      (await events()).some(
        ({ detail, "detail-type": type }) => type === "Backup Watched" && /"late".*false/.test(JSON.stringify(detail)),
      ),
    );
  });

  test("no secret is in what is deployed, nor in logs, states, events or the bucket, also of a run that failed by it", async () => {
    const ended = await start("secret", "--wait");
    assert.equal(ended.status, "ok", JSON.stringify(ended));
    served.git.switches.answer = (_, response) => {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return true;
    };
    const refused = await start("secret", "--wait");
    served.git.switches.answer = () => false;
    assert.equal(refused.status, "failed", JSON.stringify(refused));
    const sent = served.git.seen.map(({ authorization = "" }) =>
      Buffer.from(authorization.replace("Basic ", ""), "base64").toString(),
    );
    assert.ok(
      sent.some((text) => text.includes(CANARIES.git)),
      "the source was given the secret",
    );
    assert.ok(
      served.git.seen.some(({ url }) => url.includes(CANARIES.address)),
      "the notifier asked at its address, which refuses it",
    );
    const places = await placesOf([ended.arn, refused.arn]);
    for (const [kind, canary] of Object.entries(CANARIES))
      for (const [place, text] of places)
        for (const form of formsOf(canary)) assert.ok(!text.includes(form), `the ${kind} is in ${place}`);
    // That each was looked into shows by what must be there.
    for (const [place, known] of [
      ["template", "secret:backups/git-"],
      ["package CollectGit", "token_secret: backups/git"],
      ["functions", "CORE_BACKUP_CONFIG"],
      ["machines", "core-backup-test-secret"],
      ["log of plan", "START RequestId"],
      ["log of collect", "SOURCE_UNAUTHORIZED"],
      ["log of verdict", "BackupFailed"],
      ["log of notify", "hook"],
      ["states", "planKey"],
      ["states", "BackupFailed"],
      ["events", "Backup Run Finished"],
      ["bucket", "repository.bundle.age"],
      ["bucket", "SOURCE_UNAUTHORIZED"],
    ] as const)
      assert.ok(places.get(place)?.includes(known), `${place} has ${known}`);
    for (const [step, fields] of [
      ["plan", ["job"]],
      ["collect", ["job", "run", "unit"]],
      ...["finish", "verify", "prune"].map((one) => [one, ["job", "run"]] as const),
      ["notify", ["job"]],
    ] as const)
      for (const line of (await stack.logOf(step)).filter((one) => one.startsWith("{"))) {
        const found = JSON.parse(line);
        for (const field of fields) assert.ok(found[field], `${step}: without ${field}: ${line}`);
      }
  });

  test("one that was stopped is told of, its lease is given back, and its next run takes up what it had", async () => {
    const ended = await stopped.stopping.ended;
    assert.equal(ended.code, 0, JSON.stringify(ended));
    assert.match(ended.stdout, /^stopped desk-\S+\n.*\nits lease is free; the next run takes up what was collected\n$/);
    const [newest] = document(
      await stack.cli("status", "--job", "slow", "--stage", "test", "--json"),
    ) as readonly StartedDocument[];
    assert.deepEqual(
      [newest?.status, /stopped by .* through core-backup stop/.test(newest?.reason ?? "")],
      ["stopped", true],
    );
    await until(async () =>
      (await stack.logOf("notify")).some((line) => line.includes(`execution ${stopped.execution} was stopped by hand`)),
    );

    const next = await start("slow", "--wait");
    assert.equal(next.status, "ok", JSON.stringify(next));
    const manifest = await stack.manifestOf("slow", next.snapshot ?? "");
    assert.equal(manifest.resumedAt?.length, 1);
  });

  /** Everything in which a secret must not be, as text; archives unpacked. */
  async function placesOf(executions: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const steps = ["plan", "collect", "finish", "verify", "prune", "notify", "verdict", "watch"];
    const logs = steps.map(async (step) => [`log of ${step}`, (await stack.logOf(step)).join("\n")] as const);
    const states = await Promise.all(executions.map((arn) => statesOf(stack, arn)));
    const keys = await stack.keysBelow("");
    const objects = keys.map(async (key) => `${key}\n${(await stack.object(key)).toString("latin1")}`);
    return new Map([
      ...(await deployedFiles(stack.deployment.folder)),
      ["functions", await functionsOf(stack)],
      ["machines", await machinesOf(stack)],
      ...(await Promise.all(logs)),
      ["states", states.join("\n")],
      ["events", JSON.stringify(await events())],
      ["bucket", (await Promise.all(objects)).join("\n")],
    ]);
  }

  function configuration(): string {
    const job = (name: string, names: readonly string[], more = "") =>
      `  - { name: ${name}, service: git, notify: [], ${more}options: { repositories: ${served.listed(names)} } }`;
    return [
      "jobs:",
      job("repositories", REPOSITORIES),
      job("broken", ["one.git", "absent.git"]),
      job("slow", ["one.git", "two.git"], "concurrency: 1, "),
      job("busy", ["one.git", "two.git"], "concurrency: 1, "),
      job("kept", ["one.git"], "retention: { keep_last: 9 }, "),
      job("late", ["one.git"], "deadline: 1s, "),
      "  - name: secret",
      "    service: git",
      "    encryption: { type: age, passphrase_secret: backups/passphrase }",
      `    options: { repositories: [{ url: "${served.git.url}/one.git", token_secret: backups/git }] }`,
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "notifications:",
      "  hook: { type: webhook, url_ssm: /backups/hook, key_secret: backups/key, timeout: 6s }",
      "",
    ].join("\n");
  }
});

const clientOf = ({ cloud: { endpoint, region, credentials } }: DeployedStack) => ({ endpoint, region, credentials });

/** What is given to AWS: the templates, and what is in the functions' archives. */
async function deployedFiles(folder: string): Promise<readonly (readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  const texts: string[] = [];
  for (const name of await readdir(join(folder, ".serverless"), { recursive: true })) {
    const path = join(folder, ".serverless", name);
    if (!(await stat(path)).isFile()) continue;
    const content = await readFile(path);
    if (!name.endsWith(".zip")) texts.push(content.toString("latin1"));
    else found.push([`package ${basename(name, ".zip")}`, textsOf(content)]);
  }
  return [["template", texts.join("\n")], ...found];
}

const textsOf = (archive: Buffer): string =>
  [...zipEntries(archive)].map(([name, content]) => `${name}\n${content.toString("latin1")}`).join("\n");

async function machinesOf({ sfn }: DeployedStack): Promise<string> {
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  const asked = stateMachines.map(({ stateMachineArn }) =>
    sfn.send(new DescribeStateMachineCommand({ stateMachineArn })),
  );
  return JSON.stringify(await Promise.all(asked));
}

async function functionsOf(stack: DeployedStack): Promise<string> {
  const lambda = new LambdaClient(clientOf(stack));
  const { Functions } = await lambda.send(new ListFunctionsCommand({}));
  lambda.destroy();
  return JSON.stringify(Functions);
}

/** Inputs, outputs and histories of an execution and of all that its fan-out started. */
async function statesOf({ sfn }: DeployedStack, executionArn: string): Promise<string> {
  const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  const arns = [executionArn];
  for (const { mapRunArn } of mapRuns) {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn }));
    arns.push(...executions.map((one) => one.executionArn ?? ""));
  }
  const texts = arns.map(async (arn) =>
    JSON.stringify([
      await sfn.send(new DescribeExecutionCommand({ executionArn: arn })),
      await sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1000 })),
    ]),
  );
  return (await Promise.all(texts)).join("\n");
}

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type DescribeExecutionOutput, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { roleLogicalId } from "../../../infra/functions.ts";
import { taskLogicalId } from "../../../infra/task-resources.ts";
import { digestOf } from "../../../lib/deployment/names.ts";
import { comparable } from "../../support/comparable-manifest.ts";
import { aDeployedStack, type DeployedStack } from "../../support/deployed-stack.ts";
import { manifestAtADesk } from "../../support/desk-run.ts";
import { type GitServer, startGitServer } from "../../support/git-server.ts";
import { type Roles, rolesOf } from "../../support/iam-roles.ts";
import { manyRepositories } from "../../support/many-repositories.ts";
import { type RecordingServer, startRecordingServer } from "../../support/recording-server.ts";
import { noMinistack, noVersitygw, type S3Server, startVersitygw } from "../../support/s3-server.ts";
import { temporaryFolder } from "../../support/stores.ts";

interface Loose {
  readonly job: string;
  readonly events: unknown;
}

const UNITS = 200;
const SECRETS = ["git-one", "git-two", "hook"];
const taskRole = (job: string) => `${taskLogicalId(job)}Role`;
/** Of functions that read the sources of a job with a secret of its own. */
const readerRole = (step: string, secret: string) =>
  roleLogicalId(`${step}-git-${digestOf(JSON.stringify([`secret ${secret}`]))}`);

describe("a deployed stack in which nobody may do what the template does not allow", {
  skip: noMinistack || noVersitygw,
}, () => {
  let stack: DeployedStack;
  let git: GitServer;
  let hook: RecordingServer;
  let elsewhere: S3Server;
  let folder: AsyncDisposable & { readonly path: string };
  let names: readonly string[];
  let roles: Roles;

  before(async () => {
    folder = await temporaryFolder();
    names = await manyRepositories(folder.path, UNITS);
    git = await startGitServer(folder.path);
    hook = await startRecordingServer(() => ({ status: 200 }));
    elsewhere = await startVersitygw();
    const s3 = new S3Client({ ...elsewhere, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: "elsewhere" }));
    s3.destroy();
    // With an image every job has a role for its tasks; none is started here.
    stack = await aDeployedStack(configuration(), { params: { image: "core-backup:none" }, enforced: true });
    roles = await rolesOf(stack.cloud);
    const manager = new SecretsManagerClient(clientOf());
    for (const Name of SECRETS)
      await manager.send(new CreateSecretCommand({ Name, SecretString: `${hook.url}/${Name}` }));
    const SecretString = elsewhere.credentials.secretAccessKey;
    await manager.send(new CreateSecretCommand({ Name: "elsewhere", SecretString }));
    manager.destroy();
  });

  after(async () => {
    for (const one of [stack, elsewhere, hook, git, folder]) await one?.[Symbol.asyncDispose]();
  });

  test(`a run of ${UNITS} units over HTTP ends as at a desk, unit by unit, with an execution each`, async () => {
    const ended = await execute("many");
    assert.equal(ended.status, "SUCCEEDED", JSON.stringify(ended));
    const { snapshot } = JSON.parse(ended.output ?? "{}");
    const deployed = await stack.manifestOf("many", snapshot);
    assert.equal(deployed.totals.ok, UNITS);
    const { total, succeeded } = await stack.childrenOf(ended);
    const plan = await stack.object(`backups/many/${snapshot.replace("T", "/")}/.run/plan.jsonl`);
    const lines = plan.toString("utf8").trimEnd().split("\n").length;
    assert.deepEqual([lines, total, succeeded], [UNITS, UNITS, UNITS]);

    const desk = configuration().replace("prefix: backups/", "prefix: desk/");
    const ofDesk = await manifestAtADesk("many", desk, { ...stack.env, S3_BUCKET: stack.bucket });
    assert.deepEqual(comparable(deployed), comparable(ofDesk));
  });

  test("where snapshots lie in a store of another make, which no machine can read, it reads a copy of the plan", async () => {
    const ended = await execute("away");
    assert.equal(ended.status, "SUCCEEDED", JSON.stringify(ended));
    const { snapshot, totals, verified } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([totals.ok, verified], [2, true]);
    const plan = `.core-backup-plans/away/${snapshot.replace("T", "/")}/.run/plan.jsonl`;
    assert.deepEqual(await stack.keysBelow(".core-backup-plans/"), [plan]);
  });

  test("without a right to the source's secret the unit fails, and its record says whose right to what it lacks", async () => {
    const ended = await roles.without(readerRole("collect", "git-one"), "secretsmanager:GetSecretValue", () =>
      execute("one"),
    );
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await stack.manifestOf("one", outcomeOf(ended).snapshot)).units;
    assert.match(
      unit?.error?.message ?? "",
      /secretsmanager:GetSecretValue .*is missing for \S+assumed-role\/core-backup-test-CollectGit[0-9A-Fa-f]{8}Role-/,
    );
    assert.equal((await execute("one")).status, "SUCCEEDED");
  });

  test("without a right to store, the unit is lost, and the log of collect says which right it lacks", async () => {
    const role = readerRole("collect", "git-two");
    const ended = await roles.without(role, "s3:PutObject", () => execute("two"));
    assert.deepEqual([ended.status, ended.error], ["FAILED", "BackupFailed"]);
    const [unit] = (await stack.manifestOf("two", outcomeOf(ended).snapshot)).units;
    assert.equal(unit?.error?.code, "UNIT_LOST");
    assert.match((await stack.logOf("collect")).join("\n"), lacking(role, "s3:PutObject"));
    assert.equal((await execute("two")).status, "SUCCEEDED");
  });

  for (const [step, role, action] of [
    ["finish", "FinishRole", "s3:PutObject"],
    ["prune", "PruneRole", "s3:DeleteObject"],
  ] as const) {
    test(`without a right of ${step} the run fails, and whoever is told hears which right ${step} lacks`, async () => {
      const told = hook.calls.length;
      const ended = await roles.without(role, action, () => execute("two"));
      assert.deepEqual([ended.status, ended.error, outcomeOf(ended).step], ["FAILED", "BackupFailed", step]);
      assert.match(outcomeOf(ended).cause, lacking(role, action));
      const [report, ...more] = hook.calls.slice(told);
      assert.equal(more.length, 0);
      assert.match(JSON.parse(report?.body ?? "{}").jobs[0].summary, lacking(role, action));
      assert.equal((await execute("two")).status, "SUCCEEDED");
    });
  }

  test("only prune may remove, and nobody may write or read beside the backups", async () => {
    const Bucket = stack.bucket;
    await stack.s3.send(new PutObjectCommand({ Bucket, Key: "other/object", Body: "theirs" }));
    const may = new Map<string, readonly boolean[]>();
    for (const name of ["PlanGit", "CollectGit", "Finish", "VerifyGit", "Prune", "Notify", "Watch", "Verdict"]) {
      const s3 = new S3Client({ ...clientOf(), forcePathStyle: true, credentials: await taken(`${name}Role`) });
      may.set(name, [
        await allowed(() => s3.send(new PutObjectCommand({ Bucket, Key: "backups/probe", Body: "a" }))),
        await allowed(() => s3.send(new DeleteObjectCommand({ Bucket, Key: "backups/probe" }))),
        await allowed(() => s3.send(new GetObjectCommand({ Bucket, Key: "other/object" }))),
        await allowed(() => s3.send(new PutObjectCommand({ Bucket, Key: "other/object", Body: "ours" }))),
      ]);
      s3.destroy();
    }
    const writes = [true, false, false, false];
    assert.deepEqual(Object.fromEntries(may), {
      ...Object.fromEntries(
        ["PlanGit", "CollectGit", "Finish", "VerifyGit", "Notify", "Watch"].map((name) => [name, writes]),
      ),
      Prune: [true, true, false, false],
      Verdict: [false, false, false, false],
    });
  });

  test("of a storage that nobody may ask the watch tells once, for it may remember that in the bucket of the stack", async () => {
    const lambda = new LambdaClient(clientOf());
    const heard = hook.calls.length;
    for (let times = 0; times < 2; times += 1) {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: "core-backup-test-watch", Payload: "{}" }));
      const { jobs } = JSON.parse(Buffer.from(answer.Payload ?? []).toString());
      assert.deepEqual(jobs.at(-1), { job: "(storage other)", ok: false });
    }
    lambda.destroy();
    const told = hook.calls.slice(heard).flatMap(({ body }) => JSON.parse(body).jobs as Loose[]);
    assert.deepEqual(
      told.filter(({ job }) => job === "(storage other)").map(({ events }) => events),
      [["missed"]],
    );
    const [kept, ...more] = await stack.keysBelow(".core-backup-watch/");
    assert.match(kept ?? "", /^\.core-backup-watch\/core-backup-test\/[^/]+\/\.told\.json$/);
    assert.deepEqual(more, []);
  });

  test("a secret is read by the functions and the task of the jobs that need it, and by nobody else", async () => {
    const found = new Map<string, readonly string[]>();
    const tasks = { one: taskRole("one"), two: taskRole("two") };
    const readers = ["plan", "collect", "verify"].map((step) =>
      SECRETS.slice(0, 2).map((one) => readerRole(step, one)),
    );
    const others = ["CollectGitRole", "NotifyRole", "PruneRole", "VerdictRole"];
    for (const role of [...readers.flat(), ...others, tasks.one, tasks.two]) {
      const manager = new SecretsManagerClient({ ...clientOf(), credentials: await taken(role) });
      const read: string[] = [];
      for (const SecretId of SECRETS)
        if (await allowed(() => manager.send(new GetSecretValueCommand({ SecretId })))) read.push(SecretId);
      manager.destroy();
      found.set(role, read);
    }
    assert.deepEqual(Object.fromEntries(found), {
      ...Object.fromEntries(
        readers.flatMap(([one = "", two = ""]) => [
          [one, ["git-one"]],
          [two, ["git-two"]],
        ]),
      ),
      CollectGitRole: [],
      NotifyRole: ["hook"],
      PruneRole: [],
      VerdictRole: [],
      [tasks.one]: ["git-one"],
      [tasks.two]: ["git-two"],
    });
  });

  function configuration(): string {
    const url = (name: string) => `${git.url}/${name}`;
    const one = (name: string) => `[{ url: "${url(names[0] ?? "")}", token_secret: git-${name} }]`;
    return [
      "jobs:",
      `  - { name: many, service: git, target_storage: s3, concurrency: 8, options: { repositories: [${names.map(url).join(", ")}] } }`,
      `  - { name: one, service: git, target_storage: s3, options: { repositories: ${one("one")} } }`,
      `  - { name: two, service: git, target_storage: s3, retention: { keep_last: 1 }, options: { repositories: ${one("two")} } }`,
      `  - { name: away, service: git, target_storage: elsewhere, options: { repositories: [${names.slice(0, 2).map(url).join(", ")}] } }`,
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "  other: { type: s3, bucket: of-somebody-else }",
      `  elsewhere: { type: s3, bucket: elsewhere, endpoint: "${elsewhere.endpoint}", access_key_id: root, secret_access_key_secret: elsewhere }`,
      "notifications:",
      "  hook: { type: webhook, url_secret: hook }",
      "",
    ].join("\n");
  }

  const clientOf = () => {
    const { endpoint, region, credentials } = stack.cloud;
    return { endpoint, region, credentials };
  };

  async function execute(job: string): Promise<DescribeExecutionOutput> {
    const command = new StartExecutionCommand({ stateMachineArn: await stack.machineOf(job), input: "{}" });
    return stack.untilEnded((await stack.sfn.send(command)).executionArn ?? "");
  }

  /** What a function or a task of that role has as its credentials. */
  async function taken(role: string) {
    const sts = new STSClient(clientOf());
    const RoleArn = await roles.trusting(role);
    const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "probe" }));
    sts.destroy();
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  }
});

/** As AWS says it, and as a person can act on it. */
const lacking = (role: string, action: string): RegExp =>
  new RegExp(`assumed-role/core-backup-test-${role}-\\S+ is not authorized to perform: ${action}`);

async function allowed(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    assert.match(String(error), /AccessDenied/);
    return false;
  }
}

/** Of one that did not end well: what its last function threw. */
const outcomeOf = ({ cause = "{}" }: DescribeExecutionOutput) => JSON.parse(JSON.parse(cause).errorMessage);

import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import aslValidator from "asl-validator";
import { imageTag } from "../../../infra/image.ts";
import { pushImage } from "../../../infra/push-image.ts";
import { tool } from "../../../lib/tool.ts";
import { aDeployment, type Deployment, definitionOf, type Template } from "../../support/aws-stack.ts";
import { temporaryFolder } from "../../support/stores.ts";
import { lintersMissing, policyFindings, templateFindings } from "../../support/template-lint.ts";

const ROOT = join(import.meta.dirname, "../../..");
const CONFIG = `
jobs:
  - name: large
    service: git
    compute: fargate
    timeout: 20h
    notify: [mail]
    options: { repositories: [{ url: "https://git.example.com/a.git", token_secret: backups/git#token }] }
  - name: small
    service: git
    compute: lambda
    options: { repositories: [{ url: "https://git.example.com/b.git", token_ssm: /backups/token }] }
  - name: either
    service: git
    options: { repositories: ["https://git.example.com/c.git"] }
  - { name: elsewhere, service: git, compute: lambda, target_storage: theirs, options: { repositories: ["https://git.example.com/d.git"] } }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, sse: "aws:kms", kms_key: alias/backups }
  theirs: { type: s3, bucket: of-another-account, role_arn: "arn:aws:iam::210987654321:role/backups" }
  other: { type: s3, bucket: another-bucket }
notifications:
  mail: { type: slack, webhook_secret: backups/slack }
  topic: { type: sns, topic_arn: "arn:aws:sns:us-east-1:123456789012:backups" }
`.replaceAll("service: git\n", "service: git\n    target_storage: s3\n");
const FILES = `jobs:
  - { name: files, service: filesystem, target_storage: s3, compute: fargate, options: { paths: [/mnt/team/docs] } }
`;
const IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/ops/core-backup:1.2.3";

/** JSON of which only a few places are looked at. */
interface Loose {
  readonly [key: string]: Loose;
}

interface Child {
  readonly StartAt: string;
  readonly States: Record<string, Loose>;
}

describe("tasks in what is deployed", () => {
  let deployment: Deployment;
  let withImage: Awaited<ReturnType<typeof packaged>>;

  before(async () => {
    deployment = await aDeployment(CONFIG);
    withImage = await packaged({ image: IMAGE });
  });
  after(() => deployment[Symbol.asyncDispose]());

  async function packaged(params: Record<string, string>) {
    await deployment.serverless("package", { params });
    const template = await deployment.template();
    return { template, ...looks(template) };
  }

  test("with an image, jobs that want tasks and jobs that leave it open have them; those for functions have not", () => {
    const { template, ofType, childOf, roleOf } = withImage;
    const tasks = ofType("AWS::ECS::TaskDefinition");
    assert.deepEqual(tasks.map(({ id }) => id.replace(/[0-9a-f]{8}Task$/, "")).sort(), ["Either", "Large"]);
    assert.equal(ofType("AWS::ECS::Cluster").length, 1);
    for (const { properties } of tasks) {
      const [container] = properties.ContainerDefinitions as unknown as Loose[];
      assert.equal(container?.Image, IMAGE);
      assert.equal(container?.ReadonlyRootFilesystem, true);
      assert.deepEqual(container?.Command, ["task"]);
      assert.deepEqual([properties.Cpu, properties.Memory], ["1024", "4096"]);
    }

    const large = childOf("large");
    assert.equal(large.StartAt, "Where");
    assert.equal(large.States.Task?.TimeoutSeconds, 20 * 3600 + 900);
    const largeParts = childOf("large", "Parts");
    assert.equal(largeParts.StartAt, "PartWhere");
    assert.deepEqual(
      [largeParts.States.PartTask?.TimeoutSeconds, largeParts.States.PartTask?.Arguments?.NetworkConfiguration],
      [20 * 3600 + 900, large.States.Task?.Arguments?.NetworkConfiguration],
    );
    assert.equal(childOf("small").StartAt, "Unit");
    assert.equal(childOf("small", "Parts").StartAt, "Part");
    assert.ok(!JSON.stringify([childOf("small"), childOf("small", "Parts")]).includes("runTask"));
    for (const machine of ofType("AWS::StepFunctions::StateMachine")) {
      const { isValid, errorsText } = aslValidator(JSON.parse(definitionOf(template, machine.properties)));
      assert.ok(isValid, errorsText("\n"));
    }

    // The task of one job reads that job's secret, and not its neighbour's; and nobody's whom it would tell.
    const role = JSON.stringify(roleOf(/^Large.*TaskRole$/));
    assert.match(role, /secret:backups\/git-\?{6}/);
    assert.ok(!/backups\/token|backups\/slack|another-bucket|DeleteObject/.test(role), role);
    const starter = JSON.stringify(roleOf(/^TaskExecutionRole$/));
    assert.match(starter, /repository\/ops\/core-backup/);
    const machineRole = JSON.stringify(roleOf(/^Large.*MachineRole$/));
    assert.match(machineRole, /ecs:RunTask.*"Condition":\{"ArnEquals":\{"ecs:cluster"/);
    assert.match(machineRole, /iam:PassRole.*"iam:PassedToService":"ecs-tasks.amazonaws.com"/);
    assert.ok(!JSON.stringify(roleOf(/^Small.*MachineRole$/)).includes("ecs:"));
    const [log] = ofType("AWS::Logs::LogGroup").filter(({ id }) => id === "TaskLogGroup");
    assert.equal(log?.properties.RetentionInDays, 30);
    for (const { id, properties } of ofType("AWS::IAM::Role")) {
      for (const { Action, Resource } of statementsIn(properties)) {
        const broad = [Action]
          .flat()
          .filter((one) => Resource === "*" && /^(ecs|ecr|iam|events|s3|secretsmanager):/.test(one));
        assert.deepEqual(
          broad.filter((one) => one !== "ecr:GetAuthorizationToken"),
          [],
          id,
        );
      }
    }
    assert.ok(!JSON.stringify(template).includes("AWS::ECS::Service"));
  });

  test("cfn-lint and parliament have nothing to say of tasks and their network", { skip: lintersMissing }, async () => {
    assert.deepEqual(await templateFindings(withImage.template), []);
    assert.deepEqual(await policyFindings(withImage.template), []);
  });

  test("a key that the storage names by an alias may be used by what reads and writes the bucket, and another one for what lies there", () => {
    const bucket = { "Fn::GetAtt": ["BackupBucket", "Arn"] };
    const bucketAndObjects = [bucket, { "Fn::Join": ["", [bucket, "/*"]] }];
    const { ofType } = withImage;
    const users = ofType("AWS::IAM::Role").flatMap(({ id, properties }) =>
      statementsIn(properties)
        .filter(({ Action }) => /kms:/.test(String(Action)))
        .map((statement) => ({ id, statement })),
    );
    const ofTasks = users.filter(({ id }) => id.endsWith("TaskRole"));
    assert.ok(users.length >= 20 && ofTasks.length >= 4, users.map(({ id }) => id).join(" "));
    for (const [at, { id, statement }] of users.entries()) {
      assert.match(JSON.stringify(statement.Resource), /AccountId}:key\/\*"/, id);
      const named = { "ForAnyValue:StringEquals": { "kms:ResourceAliases": ["alias/backups"] } };
      const ofBucket = { StringLike: { "kms:EncryptionContext:aws:s3:arn": bucketAndObjects } };
      assert.deepEqual(statement.Condition, at % 2 === 0 ? named : ofBucket, id);
      if (at % 2 === 1) assert.deepEqual([statement.Action].flat(), ["kms:Decrypt"], id);
    }
  });

  test("what opens a storage by a role may take on just that role, and has no other rights to its bucket; a topic is published to by what tells", () => {
    const { template, ofType } = withImage;
    const rights = ofType("AWS::IAM::Role").flatMap(({ id, properties }) =>
      statementsIn(properties)
        .filter(({ Action }) => /^(sts|sns):/.test(String(Action)))
        .map(({ Action, Resource }) => `${id} ${Action} ${Resource}`),
    );
    const may = (roles: readonly string[], action: string, resource: string) =>
      roles.map((role) => `${role}Role ${action} ${resource}`);
    const opening = ["CollectGit", "Finish", "Notify", "PlanGit", "Prune", "VerifyGit", "Watch"];
    const topic = "arn:aws:sns:us-east-1:123456789012:backups";
    assert.deepEqual(
      rights.sort(),
      [
        ...may(opening, "sts:AssumeRole", "arn:aws:iam::210987654321:role/backups"),
        ...may(["Finish"], "sns:GetTopicAttributes", topic),
        ...may(["Notify", "Watch"], "sns:Publish", topic),
      ].sort(),
    );
    assert.ok(!JSON.stringify(ofType("AWS::IAM::Role")).includes("of-another-account"));
    assert.ok(!JSON.stringify(template).includes("of-another-account"));
  });

  test("a task knows its own job of the configuration, and no secret of it", () => {
    const { ofType } = withImage;
    const [large] = ofType("AWS::ECS::TaskDefinition").filter(({ id }) => id.startsWith("Large"));
    assert.ok(large);
    const [container] = large.properties.ContainerDefinitions as unknown as Loose[];
    assert.ok(container);
    const variables = new Map(
      (container.Environment as unknown as { Name: string; Value: unknown }[]).map((one) => [one.Name, one.Value]),
    );
    assert.deepEqual([...variables.keys()].sort(), ["AWS_REGION", "CORE_BACKUP_CONFIG_GZIP", "S3_BUCKET"]);
    const config = JSON.parse(
      gunzipSync(Buffer.from(String(variables.get("CORE_BACKUP_CONFIG_GZIP")), "base64")).toString(),
    );
    assert.deepEqual(
      config.jobs.map(({ name, notify }: { name: string; notify: unknown }) => [name, notify]),
      [["large", undefined]],
    );
    assert.deepEqual(Object.keys(config.storage), ["s3"]);
  });

  test("without subnets the stack has a network for tasks, with no way in and no NAT gateway", () => {
    const { ofType, childOf } = withImage;
    assert.equal(ofType("AWS::EC2::Subnet").length, 2);
    assert.equal(ofType("AWS::EC2::NatGateway").length, 0);
    const [group] = ofType("AWS::EC2::SecurityGroup");
    assert.equal(group?.properties.SecurityGroupIngress, undefined);
    assert.equal(networkOf(childOf("large")).AssignPublicIp, "ENABLED");
  });

  test("with subnets of yours it has none, tasks have no public address unless you say so, and can read file systems there", async () => {
    await writeFile(
      join(deployment.folder, "config/core-backup.yml"),
      `${CONFIG.trimEnd()}\n`.replace("jobs:\n", FILES),
    );
    const { template, ofType, childOf, machineOf, roleOf } = await packaged({
      image: IMAGE,
      efs: "/mnt/team=fs-0123456789abcdef0/fsap-0fedcba9876543210,/mnt/web=fs-11112222/fsap-33334444",
      subnets: "subnet-0123456789abcdef0, subnet-0123456789abcdef1",
      securityGroups: "sg-0123456789abcdef0",
    });
    await writeFile(join(deployment.folder, "config/core-backup.yml"), CONFIG);
    assert.equal(ofType("AWS::EC2::VPC").length, 0);
    assert.equal(networkOf(childOf("large")).AssignPublicIp, "DISABLED");
    const { Subnet0, Subnet1, SecurityGroup0 } = machineOf("large").DefinitionSubstitutions as Loose;
    assert.deepEqual(
      [Subnet0, Subnet1, SecurityGroup0],
      ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "sg-0123456789abcdef0"],
    );

    const tasks = ofType("AWS::ECS::TaskDefinition");
    for (const { id, properties } of tasks) {
      const volumes = properties.Volumes as unknown as Loose[];
      assert.equal(volumes.length, id.startsWith("Files") ? 2 : 1, id);
    }
    const files = tasks.find(({ id }) => id.startsWith("Files"))?.properties;
    assert.match(JSON.stringify(files), /"FilesystemId":"fs-0123456789abcdef0"/);
    const [container] = (files?.ContainerDefinitions ?? []) as unknown as Loose[];
    assert.deepEqual(((container?.MountPoints ?? []) as unknown as Loose[])[1], {
      ...{ SourceVolume: "efs0", ContainerPath: "/mnt/team", ReadOnly: true },
    });
    const [right, ...more] = statementsIn(roleOf(/^Files.*TaskRole$/)).filter(({ Action }) =>
      /elasticfilesystem/.test(String(Action)),
    );
    assert.deepEqual(right?.Action, ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess"]);
    assert.ok(ofType("AWS::Lambda::Function").every(({ properties }) => properties.VpcConfig === undefined));
    assert.match(
      JSON.stringify(right),
      /file-system\/fs-0123456789abcdef0"}.*AccessPointArn.*access-point\/fsap-0fedcba9876543210"/,
    );
    assert.equal(more.length, 0);
    for (const { id, properties } of ofType("AWS::IAM::Role").filter(({ id }) => !id.startsWith("Files")))
      assert.ok(!JSON.stringify(properties).includes("elasticfilesystem"), id);
    if (lintersMissing === false) {
      assert.deepEqual(await templateFindings(template), []);
      assert.deepEqual(await policyFindings(template), []);
    }
  });

  test("snapshots in a folder lie on a file system of functions and tasks, and the plan's copy in the bucket", async () => {
    await writeFile(
      join(deployment.folder, "config/core-backup.yml"),
      CONFIG.replace(
        "  other: { type: s3, bucket: another-bucket }",
        "  share: { type: nfs, base_path: /mnt/team/backups }",
      ).replace("jobs:\n", FILES.replace("target_storage: s3", "target_storage: share")),
    );
    const { template, ofType, machineOf, roleOf } = await packaged({
      image: IMAGE,
      efs: "/mnt/team=fs-0123456789abcdef0/fsap-0fedcba9876543210",
      subnets: "subnet-0123456789abcdef0",
      securityGroups: "sg-0123456789abcdef0",
      functionsInSubnets: "on",
    });
    await writeFile(join(deployment.folder, "config/core-backup.yml"), CONFIG);
    const mounting = ofType("AWS::Lambda::Function").filter(
      ({ properties }) => properties.FileSystemConfigs !== undefined,
    );
    assert.deepEqual(mounting.map(({ id }) => id.replace("LambdaFunction", "")).sort(), [
      "CollectFilesystem",
      "Finish",
      "Notify",
      "PlanFilesystem",
      "Prune",
      "VerifyFilesystem",
      "Watch",
    ]);
    for (const { id, properties } of mounting) {
      const [mount] = properties.FileSystemConfigs as unknown as Loose[];
      assert.equal(mount?.LocalMountPath, "/mnt/team", id);
      assert.match(JSON.stringify(mount?.Arn), /elasticfilesystem.*access-point\/fsap-0fedcba9876543210/);
      assert.deepEqual(properties.VpcConfig, {
        SecurityGroupIds: ["sg-0123456789abcdef0"],
        SubnetIds: ["subnet-0123456789abcdef0"],
      });
      const rights = JSON.stringify(roleOf(new RegExp(`^${id.replace("LambdaFunction", "Role")}$`)));
      assert.match(rights, /"elasticfilesystem:ClientWrite".*AccessPointArn.*fsap-0fedcba9876543210/);
      assert.match(rights, /"ec2:CreateNetworkInterface".*"Effect":"Deny".*"lambda:SourceFunctionArn"/);
    }
    for (const { id, properties } of ofType("AWS::IAM::Role").filter(({ id }) => /^(Collect|Plan|Verify)Git/.test(id)))
      assert.ok(!JSON.stringify(properties).includes("elasticfilesystem"), id);
    const outside = ofType("AWS::Lambda::Function").filter(({ properties }) => properties.VpcConfig === undefined);
    assert.deepEqual(
      outside.map(({ id }) => id),
      ["VerdictLambdaFunction"],
      "which opens nothing",
    );

    const { Bucket, Prefix } = machineOf("files").DefinitionSubstitutions as Loose;
    assert.deepEqual([Bucket, Prefix], [{ Ref: "BackupBucket" }, ".core-backup-plans/"]);
    assert.match(
      JSON.stringify(roleOf(/^Files.*MachineRole$/)),
      /"s3:GetObject".*\/\.core-backup-plans\/\*\/\.run\/plan\.jsonl"/,
    );
    assert.match(JSON.stringify(roleOf(/^PlanFilesystemRole$/)), /"s3:PutObject".*\/\.core-backup-plans\/\*"/);
    assert.ok(!JSON.stringify(roleOf(/^CollectFilesystemRole$/)).includes("s3:"));
    const memory = ofType("AWS::IAM::Role").flatMap(({ id, properties }) =>
      ((properties.Policies?.[0]?.PolicyDocument?.Statement ?? []) as unknown as Loose[])
        .filter((statement) => JSON.stringify(statement).includes("/.core-backup-watch/core-backup-test/*"))
        .map(({ Action }) => [id, Action]),
    );
    const memoryRoles = [...new Set(memory.map(([id]) => id))];
    assert.deepEqual(memoryRoles, ["NotifyRole", "WatchRole"]);
    const ofWatch = memory.filter(([id]) => id === "WatchRole");
    assert.deepEqual(ofWatch, [
      ["WatchRole", ["s3:GetObject"]],
      ["WatchRole", ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]],
    ]);
    assert.match(JSON.stringify(roleOf(/^WatchRole$/)), /"s3:prefix":\["\.core-backup-watch\/core-backup-test\/\*"\]/);
    const task = ofType("AWS::ECS::TaskDefinition").find(({ id }) => id.startsWith("Files"))?.properties;
    const [container] = (task?.ContainerDefinitions ?? []) as unknown as Loose[];
    assert.deepEqual(((container?.MountPoints ?? []) as unknown as Loose[])[1], {
      ...{ SourceVolume: "efs0", ContainerPath: "/mnt/team", ReadOnly: false },
    });
    if (lintersMissing === false) {
      assert.deepEqual(await templateFindings(template), []);
      // AWS's own policy for functions in a network names no resource, and parliament does not know Lambda's condition.
      const ofNetwork = /^(RESOURCE_STAR|UNKNOWN_CONDITION_FOR_ACTION) .*\bec2:/;
      const findings = await policyFindings(template);
      assert.deepEqual(
        findings.filter((one) => !ofNetwork.test(one)),
        [],
      );
    }
  });

  test("without an image only a job that wants nothing else has tasks, of an image that deploying builds", async () => {
    const { template, ofType } = await packaged({
      taskCpu: "2048",
      taskMemory: "8192",
      taskDisk: "100",
      taskArchitecture: "ARM64",
    });
    const [task, ...others] = ofType("AWS::ECS::TaskDefinition");
    assert.deepEqual([task?.id.startsWith("Large"), others.length], [true, 0]);
    assert.deepEqual(task?.properties.EphemeralStorage, { SizeInGiB: 100 });
    assert.equal(task?.properties.RuntimePlatform?.CpuArchitecture, "ARM64");

    const tag = /serverless-core-backup-test:([0-9a-f]{16})"/.exec(JSON.stringify(task))?.[1];
    assert.ok(tag);
    assert.equal(tag, imageTag("ARM64"));
    const { calls, pushed } = await pushes(template, { isThere: false });
    const uri = `registry.example.com/serverless-core-backup-test:${tag}`;
    const built = `--platform linux/arm64 --file ${ROOT}/container/Dockerfile --build-arg VERSION=${tool.version}`;
    assert.deepEqual(pushed, [`manifest inspect ${uri}`, `build ${built} --tag ${uri} ${ROOT}`, `push ${uri}`]);
    assert.deepEqual(calls, ["docker?", "repository", "login"]);
    assert.deepEqual((await pushes(template, { isThere: true })).pushed, [`manifest inspect ${uri}`]);
    await assert.rejects(
      pushImage(
        template,
        { ...aProvider([]), ensureDockerIsAvailable: () => Promise.reject(new Error("no docker")) },
        () => {},
      ),
      /no Docker here to build it: install one, or give --param=image=URI/,
    );
  });
});

test("a stack takes forty jobs with schedules and tasks", async () => {
  const jobs = Array.from({ length: 40 }, (_, n) =>
    [
      `  - name: "job ${n}"`,
      "    service: git",
      '    schedule: "30 2 * * *"',
      `    concurrency: ${n % 4 === 0 ? 8 : 4}`,
      `    options: { repositories: ["https://git.example.com/team/repository-${n}.git"] }`,
    ].join("\n"),
  );
  const storage = "storage:\n  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }\n";
  await using deployment = await aDeployment(`jobs:\n${jobs.join("\n")}\n${storage}`);
  await deployment.serverless("package", { params: { image: IMAGE } });
  const { ofType } = looks(await deployment.template());
  assert.equal(ofType("AWS::StepFunctions::StateMachine").length, 40);
  assert.equal(ofType("AWS::ECS::TaskDefinition").length, 40);
});

type Statement = { readonly Action: string | string[]; readonly Resource: unknown; readonly Condition?: unknown };

function looks(template: Template) {
  const ofType = (type: string) =>
    Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
      Type === type ? [{ id, properties: Properties as Loose }] : [],
    );
  const machineOf = (job: string): Record<string, unknown> => {
    const found = ofType("AWS::StepFunctions::StateMachine").find(
      ({ properties }) => String(properties.StateMachineName) === `core-backup-test-${job}`,
    );
    assert.ok(found, job);
    return found.properties;
  };
  const childOf = (job: string, fanOut: "Collect" | "Parts" = "Collect"): Child =>
    JSON.parse(definitionOf(template, machineOf(job))).States[fanOut].ItemProcessor;
  const roleOf = (id: RegExp) => {
    const found = ofType("AWS::IAM::Role").find((one) => id.test(one.id));
    assert.ok(found, String(id));
    return found.properties;
  };
  return { ofType, machineOf, childOf, roleOf };
}

const statementsIn = (role: Loose): Statement[] =>
  ((role.Policies ?? []) as unknown as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  );

const networkOf = ({ States }: Child): Loose =>
  (States.Task?.Arguments?.NetworkConfiguration?.AwsvpcConfiguration ?? {}) as Loose;

const aProvider = (calls: string[]) => ({
  ensureDockerIsAvailable: async () => void calls.push("docker?"),
  getOrCreateEcrRepository: async () => {
    calls.push("repository");
    return { repositoryUri: "registry.example.com/serverless-core-backup-test" };
  },
  dockerLoginToEcr: async () => void calls.push("login"),
});

/** What docker is asked for: a program of its name writes its arguments down. */
async function pushes(template: Template, { isThere }: { readonly isThere: boolean }) {
  await using folder = await temporaryFolder();
  const log = join(folder.path, "log");
  const script = `#!/bin/sh\necho "$*" >>${log}\n[ "$1" != manifest ] || exit ${isThere ? 0 : 1}\n`;
  await writeFile(join(folder.path, "docker"), script);
  await chmod(join(folder.path, "docker"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${folder.path}${delimiter}${path}`;
  const calls: string[] = [];
  try {
    await pushImage(template, aProvider(calls), () => {});
  } finally {
    process.env.PATH = path;
  }
  return { calls, pushed: (await readFile(log, "utf8")).trim().split("\n") };
}

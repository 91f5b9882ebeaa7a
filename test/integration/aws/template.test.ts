import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import aslValidator from "asl-validator";
import { aDeployment, type Deployment, definitionOf, type Template } from "../../support/aws-stack.ts";
import { lintersMissing, policyFindings, templateFindings } from "../../support/template-lint.ts";

const CONFIG = `
jobs:
  - name: repositories
    service: git
    schedule: "30 2 * * MON-FRI"
    timezone: Europe/Berlin
    concurrency: 7
    options:
      repositories:
        - https://git.example.com/a.git
        - { url: "https://git.example.com/b.git", token_secret: backups/git#token }
  - name: "team files: the rest"
    service: git
    options: { repositories: [{ url: "https://git.example.com/c.git", token_ssm: /backups/token }] }
  - name: public
    service: git
    options: { repositories: [https://git.example.com/d.git] }
  - name: public too
    service: git
    options: { repositories: [https://git.example.com/e.git] }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }
`;

/** JSON of which only a few places are looked at. */
interface Loose {
  readonly [key: string]: Loose;
}

type Statement = { readonly Effect: string; readonly Action: string | string[]; readonly Resource: unknown };

describe("what is deployed", () => {
  let deployment: Deployment;
  let template: Template;
  const ofType = (type: string) =>
    Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
      Type === type ? [{ id, properties: Properties as Loose }] : [],
    );

  before(async () => {
    deployment = await aDeployment(CONFIG);
    await deployment.serverless("package", {
      params: {
        objectLock: "on",
        kmsKey: "arn:aws:kms:us-east-1:123456789012:key/12345678-90ab-cdef-1234-567890abcdef",
        collectConcurrency: "8",
        owner: "ops",
        oldVersionsDays: "9",
      },
    });
    template = await deployment.template();
  });
  after(() => deployment[Symbol.asyncDispose]());

  /** What the names of the functions that read sources end in: `Git`, and one for each set of secrets. */
  const readers = () =>
    ofType("AWS::Lambda::Function")
      .flatMap(({ id }) => /^Plan(.*)LambdaFunction$/.exec(id)?.[1] ?? [])
      .sort();

  const statements = (): { readonly role: string; readonly statement: Statement }[] =>
    ofType("AWS::IAM::Role").flatMap(({ id, properties }) =>
      ((properties.Policies ?? []) as unknown as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
        ({ PolicyDocument }) => PolicyDocument.Statement.map((statement) => ({ role: id, statement })),
      ),
    );

  test("cfn-lint has nothing to say of the template, and would say it", { skip: lintersMissing }, async () => {
    assert.deepEqual(await templateFindings(template), []);
    const misspelt = JSON.stringify(template)
      .replace('"PublicAccessBlockConfiguration"', '"PublicAccessBlock"')
      .replace('\\"TimeoutSeconds\\":930', '\\"TimeoutSeconds\\":\\"soon\\"');
    const findings = (await templateFindings(JSON.parse(misspelt))).join("\n");
    assert.match(findings, /E3002 .*'PublicAccessBlock' was unexpected/);
    assert.match(findings, /E3601 'soon' is not of type/);
  });

  test("parliament has nothing to say of the rights, and would say it", { skip: lintersMissing }, async () => {
    assert.deepEqual(await policyFindings(template), []);
    const wrong = JSON.stringify(template)
      .replaceAll('"s3:GetObject"', '"s3:GetObjects"')
      .replaceAll('"s3:ListBucket"', '"s3:PutObject"');
    const findings = (await policyFindings(JSON.parse(wrong))).join("\n");
    assert.match(findings, /UNKNOWN_ACTION .*GetObjects.*\(PlanGitRole\)/);
    assert.match(findings, /RESOURCE_MISMATCH .*s3:PutObject.*\(PruneRole\)/);
  });

  test("the bucket is private, over TLS only, versioned, encrypted, can be locked, and outlives the stack", () => {
    const { BackupBucket: bucket } = template.Resources as Record<string, Record<string, unknown>>;
    const backup = ofType("AWS::S3::Bucket").find(({ id }) => id === "BackupBucket")?.properties;
    assert.deepEqual(backup?.PublicAccessBlockConfiguration, {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    assert.deepEqual(backup?.VersioningConfiguration, { Status: "Enabled" });
    assert.equal(backup?.ObjectLockEnabled, true);
    assert.match(JSON.stringify(backup?.BucketEncryption), /aws:kms.*key\/12345678-/);
    assert.deepEqual(backup?.LifecycleConfiguration, {
      Rules: [
        { Id: "plan-copies", Status: "Enabled", Prefix: ".core-backup-plans/", ExpirationInDays: 30 },
        { Id: "unfinished-uploads", Status: "Enabled", AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
        {
          Id: "old-versions",
          Status: "Enabled",
          NoncurrentVersionExpiration: { NoncurrentDays: 9 },
          ExpiredObjectDeleteMarker: true,
        },
      ],
    });
    assert.deepEqual([bucket?.DeletionPolicy, bucket?.UpdateReplacePolicy], ["Retain", "Retain"]);
    const policies = ofType("AWS::S3::BucketPolicy");
    assert.equal(
      policies.length,
      ofType("AWS::S3::Bucket").length,
      "every bucket has a policy, the framework's own too",
    );
    for (const { id, properties } of policies) {
      assert.match(JSON.stringify(properties.PolicyDocument), /"aws:SecureTransport":("false"|false)/, id);
    }
    const [policy] = policies.filter(({ id }) => id === "BackupBucketPolicy");
    const [only, ...more] = (policy?.properties.PolicyDocument?.Statement ?? []) as unknown as Loose[];
    assert.equal(more.length, 0);
    assert.deepEqual([only?.Effect, only?.Principal, only?.Action], ["Deny", "*", "s3:*"]);
    assert.match(JSON.stringify(only?.Resource), /BackupBucket.Arn}\/\*/);
  });

  test("a schedule has its time zone, starts its own machine, and leaves what it could not start in a queue", () => {
    const [schedule, ...others] = ofType("AWS::Scheduler::Schedule").filter(({ id }) => id !== "WatchSchedule");
    assert.ok(schedule !== undefined && others.length === 0);
    const { properties } = schedule;
    assert.equal(properties.ScheduleExpression, "cron(30 2 ? * 2-6 *)");
    assert.equal(properties.ScheduleExpressionTimezone, "Europe/Berlin");
    assert.equal(properties.State, "ENABLED");
    const target = properties.Target;
    assert.equal(template.Resources[String(target?.Arn?.Ref)]?.Type, "AWS::StepFunctions::StateMachine");
    assert.deepEqual(target?.DeadLetterConfig, { Arn: { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] } });
  });

  test("each job has a machine of a name of its own, and the language knows its definition", () => {
    const machines = ofType("AWS::StepFunctions::StateMachine").map(({ properties }) => properties);
    assert.equal(machines.length, 4);
    const [first, second] = machines.map(({ StateMachineName: name }) => String(name));
    assert.equal(first, "core-backup-test-repositories");
    assert.match(second ?? "", /^core-backup-test-team-files-the-rest-[0-9a-f]{8}$/);
    for (const machine of machines) {
      const { isValid, errorsText } = aslValidator(JSON.parse(definitionOf(template, machine)));
      assert.ok(isValid, errorsText("\n"));
    }
    assert.match(definitionOf(template, machines[0] ?? {}), /"MaxConcurrency":7,/);
    assert.deepEqual(
      machines.map(({ DefinitionSubstitutions: given }) => given?.Job),
      ["repositories", "team files: the rest", "public", "public too"],
    );
    assert.equal(
      Object.keys(template.Mappings.StateMachines ?? {}).length,
      2,
      "those of jobs that differ in nothing else are one",
    );
  });

  test("what Lambda could not do, though the function is not to blame, is tried again in every state that calls one", () => {
    const transient = [
      ...["TooManyRequests", "Service", "SdkClient", "AWSLambda", "EC2Throttled", "EC2Unexpected"],
      ...["EFSIO", "EFSMountTimeout", "EFSMountConnectivity", "ResourceNotReady", "ResourceConflict"],
      ...["ENINotReady", "ENILimitReached", "SubnetIPAddressLimitReached"],
    ].map((name) => `Lambda.${name}Exception`);
    for (const { properties } of ofType("AWS::StepFunctions::StateMachine")) {
      const called: Loose[] = [];
      JSON.parse(definitionOf(template, properties), (_, value) => {
        if (value?.Resource === "arn:aws:states:::lambda:invoke") called.push(value);
        return value;
      });
      assert.ok(called.length >= 10);
      for (const { Arguments, Retry } of called)
        for (const error of transient)
          assert.ok(JSON.stringify(Retry).includes(`"${error}"`), `${JSON.stringify(Arguments)}: ${error}`);
      for (const { Arguments, Retry } of called)
        assert.match(JSON.stringify(Retry), /TooManyRequests[^}]*"MaxAttempts":1000,/, JSON.stringify(Arguments));
    }
  });

  test("nobody may do everything, and where a resource can be named it is", () => {
    // Of these the service authorization reference knows no resource.
    const unnamed = /^(xray:|logs:(Create|Get|Update|Delete|List)LogDeliver|logs:PutResourcePolicy|logs:Describe)/;
    const all = statements();
    assert.ok(all.length > 20);
    for (const { role, statement } of all) {
      for (const action of [statement.Action].flat()) {
        assert.ok(!/\*/.test(action), `${role} may ${action}`);
        if (statement.Resource === "*") assert.match(action, unnamed, `${role} may ${action} on everything`);
      }
    }
  });

  test("only prune may remove what is stored, and plan and watch the object that they try the bucket with", () => {
    const removing = statements().filter(({ statement }) =>
      [statement.Action].flat().some((a) => /Delete(Object|Bucket)/.test(a)),
    );
    const plans = readers().map((id) => `Plan${id}Role`);
    assert.deepEqual(removing.map(({ role }) => role).sort(), [...plans.sort(), "PruneRole", "WatchRole"]);
    for (const { role, statement } of removing.filter((one) => one.role !== "PruneRole"))
      assert.match(JSON.stringify(statement.Resource), /backups\/\*\.core-backup-tmp-probe"/, role);
  });

  test("where every storage is in the bucket of the stack, the watch keeps nothing beside it, and has no right to", () => {
    assert.ok(!JSON.stringify(template).includes(".core-backup-watch/"));
  });

  test("who reads or writes the bucket may use its key", () => {
    const users = statements().filter(({ statement }) => /kms:/.test(String(statement.Action)));
    const machines = users.filter(({ role }) => /MachineRole$/.test(role));
    assert.equal(machines.length, 4, "a machine reads the lists of its fan-outs by itself");
    for (const { statement } of machines) assert.deepEqual([statement.Action].flat(), ["kms:Decrypt"]);
    assert.equal(users.length, machines.length + 4 + 3 * 3);
    for (const { statement } of users)
      assert.equal(statement.Resource, "arn:aws:kms:us-east-1:123456789012:key/12345678-90ab-cdef-1234-567890abcdef");
  });

  test("functions that read a source may read the secrets of their own jobs, and jobs with the same share them", () => {
    const found = statements().filter(({ statement }) => /GetSecretValue|GetParameter/.test(String(statement.Action)));
    const rights = new Map(found.map(({ role, statement }) => [role, JSON.stringify(statement.Resource)]));
    assert.equal(rights.size, found.length, "a role has one secret at most here");
    const [withoutSecrets, ...others] = readers();
    assert.deepEqual([withoutSecrets, others.length], ["Git", 2]);
    const functionsOf = (job: string) =>
      JSON.stringify(ofType("AWS::IAM::Role").find(({ id }) => new RegExp(`^${job}[0-9a-f]{8}MachineRole$`).test(id)));
    for (const [job, secret] of [
      ["Repositories", "secret:backups/git-??????"],
      ["TeamFilesTheRest", "parameter/backups/token"],
    ] as const) {
      const id = others.find((one) => functionsOf(job).includes(`"Collect${one}LambdaFunction"`));
      for (const step of ["Plan", "Collect", "Verify"]) {
        assert.ok(rights.get(`${step}${id}Role`)?.includes(`:${secret}"`), `${step} of ${job} reads ${secret}`);
        rights.delete(`${step}${id}Role`);
      }
    }
    assert.deepEqual([...rights], [], "nobody else reads any");
    for (const job of ["Public", "PublicToo"])
      assert.match(functionsOf(job), /"PlanGitLambdaFunction".*"CollectGitLambdaFunction".*"VerifyGitLambdaFunction"/);
  });

  test("functions have time, a log that ends some day, and no variable but where their things are", () => {
    const functions = ofType("AWS::Lambda::Function");
    assert.equal(functions.length, 5 + 3 * readers().length);
    for (const { id, properties } of functions) {
      const short = { Notify: 300, Watch: 300, Verdic: 30 };
      const seconds = Object.entries(short).find(([name]) => id.startsWith(name))?.[1] ?? 900;
      assert.equal(properties.Timeout, seconds, id);
      const variables = properties.Environment?.Variables ?? {};
      const names = ["CORE_BACKUP_CONFIG", "EVENT_BUS", "NODE_OPTIONS", "S3_BUCKET", "STACK"];
      assert.deepEqual(Object.keys(variables).sort(), names, id);
    }
    const logs = ofType("AWS::Logs::LogGroup");
    assert.equal(logs.length, functions.length + 1);
    for (const { id, properties } of logs) assert.equal(properties.RetentionInDays, 30, id);
  });

  test("functions run on Node 24 and arm64 with a memory for each step, are traced and tagged, and calls of collect can be reserved", () => {
    const memory: Record<string, number> = {
      Plan: 512,
      Collect: 1769,
      Finish: 1024,
      Verify: 1769,
      Prune: 512,
      Notify: 512,
    };
    for (const { id, properties } of ofType("AWS::Lambda::Function")) {
      assert.deepEqual([properties.Runtime, properties.Architectures], ["nodejs24.x", ["arm64"]], id);
      const [step = ""] = /^[A-Z][a-z]+/.exec(id) ?? [];
      assert.equal(properties.MemorySize, { ...memory, Verdict: 256, Watch: 512 }[step], id);
      assert.deepEqual(properties.TracingConfig, { Mode: "Active" }, id);
      assert.match(JSON.stringify(properties.Tags), /"Key":"owner","Value":"ops"/, id);
      assert.equal(properties.ReservedConcurrentExecutions, id.startsWith("Collect") ? 8 : undefined, id);
    }
    for (const { id, properties } of ofType("AWS::StepFunctions::StateMachine"))
      assert.deepEqual(properties.TracingConfiguration, { Enabled: true }, id);
  });

  test("bundles are small, and hold the connectors of the configuration alone", async () => {
    for (const name of ["plan-git", "collect-git", "finish", "verify-git", "prune", "notify", "verdict", "watch"]) {
      const file = join(deployment.folder, ".build", name, "index.mjs");
      const { size } = await stat(file);
      assert.ok(size < 2 * 1024 * 1024, `${name}: ${size} bytes`);
      const { sources } = JSON.parse(await readFile(`${file}.map`, "utf8")) as { sources: readonly string[] };
      const services = new Set(sources.flatMap((one) => /lib\/connectors\/([^/]+)\//.exec(one)?.[1] ?? []));
      assert.deepEqual([...services], name.endsWith("-git") ? ["git"] : [], name);
    }
  });

  test("a run that a person or its time limit ends is told of by a rule of its job", () => {
    const rules = ofType("AWS::Events::Rule");
    assert.equal(rules.length, 4);
    const [{ properties } = { properties: {} as Loose }] = rules;
    assert.match(JSON.stringify(properties.EventPattern), /"status":\["ABORTED","TIMED_OUT"\]/);
    assert.match(JSON.stringify(properties.Targets), /\\"job\\": \\"repositories\\"/);
    for (const { id, properties } of rules)
      for (const target of properties.Targets as unknown as Loose[]) {
        assert.deepEqual(target.DeadLetterConfig, { Arn: { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] } }, id);
        assert.ok(Number(target.RetryPolicy?.MaximumRetryAttempts) >= 3, id);
      }
    const [policy, ...others] = ofType("AWS::SQS::QueuePolicy");
    assert.deepEqual([policy?.properties.Queues, others.length], [[{ Ref: "ScheduleDeadLetters" }], 0]);
    const [allowed, ...more] = (policy?.properties.PolicyDocument?.Statement ?? []) as unknown as Loose[];
    assert.equal(more.length, 0);
    assert.deepEqual([allowed?.Principal, allowed?.Action], [{ Service: "events.amazonaws.com" }, "sqs:SendMessage"]);
    assert.deepEqual(allowed?.Resource, { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] });
    assert.match(JSON.stringify(allowed?.Condition), /ArnLike.*aws:SourceArn.*AccountId}:rule\/\*/);
  });

  test("what notify failed at lies in that queue after two more tries, which its role may send to", () => {
    const [untold, ...others] = ofType("AWS::Lambda::EventInvokeConfig");
    assert.deepEqual([untold?.properties.FunctionName, others.length], [{ Ref: "NotifyLambdaFunction" }, 0]);
    assert.equal(untold?.properties.Qualifier, "$LATEST");
    const queue = { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] };
    assert.deepEqual(untold?.properties.DestinationConfig, { OnFailure: { Destination: queue } });
    const role = ofType("AWS::IAM::Role").find(({ id }) => id === "NotifyRole");
    assert.match(
      JSON.stringify(role?.properties),
      /"sqs:SendMessage"\],"Resource":{"Fn::GetAtt":\["ScheduleDeadLetters"/,
    );
  });

  test("every job has alarms for a run that failed or never ended and for what the watch finds of it, and so have starts that never happened and the watch", () => {
    const alarms = ofType("AWS::CloudWatch::Alarm");
    assert.equal(alarms.length, 2 + 3 * 4);
    const watched = alarms.filter(({ id }) => id.endsWith("NotWell")).map(({ properties }) => properties.Dimensions);
    assert.equal(new Set(watched.map((dimensions) => JSON.stringify(dimensions))).size, 4);
    for (const { id, properties } of alarms) assert.deepEqual(properties.AlarmActions, [{ Ref: "Alarms" }], id);
    const metrics = alarms.map(({ properties }) => `${properties.Namespace} ${properties.MetricName}`).sort();
    assert.deepEqual(
      [...new Set(metrics)],
      [
        "AWS/SQS NumberOfMessagesSent",
        "AWS/States ExecutionsFailed",
        "AWS/States ExecutionsTimedOut",
        "core-backup JobNotWell",
      ],
    );
  });

  test("a start that failed for good stays in its queue for two weeks, encrypted, and every schedule has that queue", () => {
    const [queue, ...others] = ofType("AWS::SQS::Queue");
    assert.deepEqual([queue?.id, others.length], ["ScheduleDeadLetters", 0]);
    assert.deepEqual(queue?.properties, { SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
    for (const { id, properties } of ofType("AWS::Scheduler::Schedule")) {
      const { DeadLetterConfig, RetryPolicy } = properties.Target as Loose;
      assert.deepEqual(DeadLetterConfig, { Arn: { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] } }, id);
      assert.ok(Number(RetryPolicy?.MaximumRetryAttempts) >= 3, id);
    }
  });

  test("plan and notify may ask whether the executions of their own jobs go on, and no other function may ask of any", () => {
    const asking = statements().filter(
      ({ role, statement }) => !role.endsWith("MachineRole") && /states:Describe/.test(String(statement.Action)),
    );
    assert.deepEqual(
      asking.map(({ role }) => role).sort(),
      [...readers().map((id) => `Plan${id}Role`), "NotifyRole"].sort(),
    );
    const [ofGit] = asking.filter(({ role }) => role === "PlanGitRole");
    assert.equal(ofGit?.statement.Action.toString(), "states:DescribeExecution");
    assert.match(
      JSON.stringify(ofGit?.statement.Resource),
      /execution:core-backup-test-public:\*.*execution:core-backup-test-public-too-[0-9a-f]{8}:\*/,
    );
    assert.ok(!JSON.stringify(ofGit?.statement.Resource).includes("repositories"));
  });

  test("a redriven run may go on in its fan-out, and a machine may follow and stop no other's executions", () => {
    const ofMachine = statements().filter(
      ({ role, statement }) =>
        role.endsWith("MachineRole") && [statement.Action].flat().some((a) => /^states:/.test(a)),
    );
    const rights = ofMachine
      .filter(({ role }) => role.startsWith("Repositories"))
      .map(({ statement }) => [[statement.Action].flat().join(" "), JSON.stringify(statement.Resource)]);
    assert.deepEqual(
      rights.map(([action]) => action),
      ["states:StartExecution", "states:DescribeExecution states:StopExecution", "states:RedriveExecution"],
    );
    assert.match(
      rights[1]?.[1] ?? "",
      /execution:core-backup-test-repositories:\*".*execution:core-backup-test-repositories\/\*"/,
    );
    assert.match(rights[2]?.[1] ?? "", /execution:core-backup-test-repositories\/\*"/);
  });

  test("state machines log their errors, without what goes through them", () => {
    for (const { id, properties } of ofType("AWS::StepFunctions::StateMachine")) {
      assert.deepEqual(
        properties.LoggingConfiguration,
        {
          Level: "ERROR",
          IncludeExecutionData: false,
          Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: { "Fn::GetAtt": ["MachineLogGroup", "Arn"] } } }],
        },
        id,
      );
    }
  });

  test("there is a dashboard of the stack's name", () => {
    const [dashboard] = ofType("AWS::CloudWatch::Dashboard");
    assert.equal(dashboard?.properties.DashboardName, "core-backup-test");
  });
});

test("a configuration that cannot be deployed fails the packaging, with the line and column of each fault", async () => {
  await using deployment = await aDeployment(`
jobs:
  - name: files
    service: filesystem
    schedule: 0 0 13 * FRI
    target_storage: disk
    options: { paths: /srv }
  - name: repositories
    service: git
    target_storage: s3
    options: { repositories: [{ url: "https://git.example.com/a.git", token_env: GIT_TOKEN }], nonsense: 1 }
  - { name: shared, service: git, target_storage: share, options: { repositories: [https://git.example.com/b.git] } }
storage:
  disk: { type: filesystem, base_path: /backups }
  share: { type: nfs, base_path: /mnt/backups }
  s3: { type: s3, bucket_env: S3_BUCKET }
`);
  await assert.rejects(deployment.serverless("package"), ({ message }: Error) => {
    for (const line of [
      "config/core-backup.yml:4:14: jobs[0].service: has nothing to read on AWS",
      "config/core-backup.yml:5:15: jobs[0].schedule: EventBridge cannot run on days of the month or else days of the week (13 and 5)",
      "config/core-backup.yml:6:21: jobs[0].target_storage: is stored in disk, of type filesystem: on AWS a job's storage is of type s3, or nfs",
      "config/core-backup.yml:11:82: jobs[1].options.repositories[0].token_env: cannot be had on AWS, where a variable of a function can be read in clear: use token_secret (Secrets Manager) or token_ssm",
      "config/core-backup.yml:15:34: storage.share.base_path: is a folder that functions do not have: mount a file system of Amazon EFS with --param=efs=/mnt/NAME=fs-…/fsap-…",
      "config/core-backup.yml:11:96: jobs[1].options.nonsense: unknown key",
    ])
      assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
    return true;
  });
});

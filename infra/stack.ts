import { isRecord } from "../lib/config/messages.ts";
import type { Config, Job } from "../lib/config/schema.ts";
import { BUCKET_VARIABLE } from "../lib/deployment/stack.ts";
import { alarmResources } from "./alarms.ts";
import { awsConfig } from "./aws-config.ts";
import { dashboardResources } from "./dashboard.ts";
import { type EfsMount, efsMounts, efsStatements } from "./efs.ts";
import { functionDefinitions, functionTable } from "./functions.ts";
import { capitalized } from "./names.ts";
import { mountsOf } from "./on-efs.ts";
import { type Resolving, textOf } from "./resolving.ts";
import { roleFor, statementsOf } from "./roles.ts";
import { scheduleResources } from "./schedules.ts";
import { secretStatements } from "./secrets.ts";
import { machineResources } from "./state-machines.ts";
import { stoppedRunResources } from "./stopped-runs.ts";
import { placeOf, placesOf, type StackBucket } from "./storage-places.ts";
import { taskConfig } from "./task-config.ts";
import { networkOf, networkResources } from "./task-network.ts";
import { hasTasks, type TaskOptions, taskOptions } from "./task-options.ts";
import { clusterResources, taskResources } from "./task-resources.ts";
import { watchResources } from "./watch.ts";

interface Deployment {
  readonly config: Config;
  readonly document: unknown;
  readonly configFile: string;
  /** `<service>-<stage>` */
  readonly stack: string;
  readonly bucket: StackBucket;
  readonly schedules: "ENABLED" | "DISABLED";
  readonly flexibleMinutes: number;
  readonly dashboard: boolean;
  readonly image: string;
  /** Absent where no job has tasks. */
  readonly tasks: TaskOptions | undefined;
  readonly efs: readonly EfsMount[];
}

/** What `functions:` of serverless.yml holds. */
export async function functions(resolving: Resolving): Promise<Record<string, unknown>> {
  const { configFile, bucket, stack } = await deploymentOf(resolving);
  const environment = {
    [BUCKET_VARIABLE]: bucket.name,
    CORE_BACKUP_CONFIG: configFile,
    STACK: stack,
    EVENT_BUS: { Ref: "EventBus" },
  };
  const given = await textOf(resolving, "param:collectConcurrency");
  const collectConcurrency = given === "" ? undefined : Number(given);
  if (collectConcurrency !== undefined && !(Number.isInteger(collectConcurrency) && collectConcurrency > 0))
    throw new Error(`--param=collectConcurrency=${given}: must be a whole number above 0`);
  return functionDefinitions({ configFile, environment, collectConcurrency, roleOf: roleLogicalId });
}

/** What `resources:` holds beside what serverless.yml writes out: what follows from the configuration's jobs. */
export async function resources(resolving: Resolving): Promise<{ Resources: Record<string, unknown> }> {
  const deployment = await deploymentOf(resolving);
  const { config, stack, bucket, schedules, flexibleMinutes, tasks } = deployment;
  const inputs = { places: placesOf(config, bucket), ...secretStatements(config) };
  const roles = functionTable.map(({ name }) => [
    roleLogicalId(name),
    roleFor("lambda.amazonaws.com", `${stack}-${name}`, [
      ...statementsOf(name, inputs),
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: {
          "Fn::Sub": `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/${stack}-${name}:*`,
        },
      },
      // X-Ray knows no resource.
      { Effect: "Allow", Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" },
    ]),
  ]);
  const ofJobs = config.jobs.map((job) => ({
    ...machineResources(job, {
      stack,
      bucket: placeOf(config, job, bucket),
      network: tasks !== undefined && hasTasks(job, deployment.image) ? networkOf(tasks) : undefined,
    }),
    ...taskResourcesOf(job, deployment),
    ...scheduleResources(job, { stack, state: schedules, flexibleMinutes }),
    ...stoppedRunResources(job),
  }));
  const watched = { ...alarmResources(config.jobs), ...watchResources(stack, schedules) };
  return {
    Resources: Object.assign(
      watched,
      deployment.dashboard ? dashboardResources(stack, config, alarmIdsIn(watched)) : {},
      Object.fromEntries(roles),
      tasks === undefined ? {} : { ...clusterResources(stack, tasks), ...networkResources(stack, tasks) },
      ...ofJobs,
    ),
  };
}

function taskResourcesOf(
  job: Job,
  { config, document, stack, bucket, image, tasks, efs }: Deployment,
): Record<string, unknown> {
  if (tasks === undefined || !hasTasks(job, image)) return {};
  const storage = config.storage[job.target_storage];
  const own: Config = {
    ...config,
    jobs: [job],
    storage: storage === undefined ? {} : { [job.target_storage]: storage },
  };
  const mounts = mountsOf(document, job.name, efs);
  const statements = [
    ...statementsOf("collect", { places: placesOf(own, bucket), ...secretStatements(own) }),
    ...efsStatements(mounts),
  ];
  const inputs = { stack, config: taskConfig(document, job), bucket: bucket.name, statements, mounts };
  return taskResources(job, inputs, tasks);
}

const alarmIdsIn = (resources: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(resources).flatMap(([id, resource]) =>
    isRecord(resource) && resource.Type === "AWS::CloudWatch::Alarm" ? [id] : [],
  );

const roleLogicalId = (name: string): string => `${capitalized(name)}Role`;

async function deploymentOf(resolving: Resolving): Promise<Deployment> {
  const text = (expression: string) => textOf(resolving, expression);
  const configFile = await text("param:config");
  const given = await text("param:bucket");
  const efs = efsMounts(await text("param:efs"));
  const { config, document } = await awsConfig(configFile, given === "" ? "the-bucket-of-the-stack" : given, efs);
  const stack = `${await text("self:service")}-${await text("sls:stage")}`;
  return {
    config,
    document,
    configFile,
    stack,
    bucket: { name: given === "" ? { Ref: "BackupBucket" } : given, kmsKey: (await text("param:kmsKey")) || undefined },
    schedules: (await text("param:schedules")) === "off" ? "DISABLED" : "ENABLED",
    flexibleMinutes: Number(await text("param:flexibleMinutes")),
    dashboard: (await text("param:dashboard")) !== "off",
    image: await text("param:image"),
    tasks: await taskOptions(resolving, config, stack),
    efs,
  };
}

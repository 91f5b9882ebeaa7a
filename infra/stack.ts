import { isRecord } from "../lib/config/messages.ts";
import type { Config, Job } from "../lib/config/schema.ts";
import { machineName } from "../lib/deployment/names.ts";
import { BUCKET_VARIABLE } from "../lib/deployment/stack.ts";
import { alarmResources } from "./alarms.ts";
import { assumedRoleStatements } from "./assumed-roles.ts";
import { awsConfig } from "./aws-config.ts";
import { dashboardResources } from "./dashboard.ts";
import { type EfsMount, efsMounts, type UsedMount } from "./efs.ts";
import { functionDefinitions, roleLogicalId, type StackFunction, stackFunctions } from "./functions.ts";
import { KEY_FORMS, type KmsKey, kmsKey } from "./kms-key.ts";
import { storageMount, usedMounts } from "./on-efs.ts";
import { configOf, readersId } from "./readers.ts";
import { reservedCalls } from "./reserved-calls.ts";
import { isOn, type Resolving, textOf } from "./resolving.ts";
import { networkStatements, roleFor, statementsOf } from "./roles.ts";
import { MOST_FLEXIBLE_MINUTES, scheduleResources, scheduleRole } from "./schedules.ts";
import { secretStatements } from "./secrets.ts";
import { type MachineOptions, machineMappings, machineResources } from "./state-machines.ts";
import { stoppedRunResources, untoldRunsResources, untoldStatements } from "./stopped-runs.ts";
import { placesOf, planCopiesOf, planPlaceOf, type StackBucket, watchMemoryOf } from "./storage-places.ts";
import { taskConfig } from "./task-config.ts";
import { networkOf, networkResources } from "./task-network.ts";
import { type GivenNetwork, givenNetwork, hasTasks, type TaskOptions, taskOptions } from "./task-options.ts";
import { clusterResources, taskResources } from "./task-resources.ts";
import { topicStatements } from "./topics.ts";
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
  readonly network: GivenNetwork;
}

/** What `functions:` of serverless.yml holds. */
export async function functions(resolving: Resolving): Promise<Record<string, unknown>> {
  const deployment = await deploymentOf(resolving);
  const { config, configFile, bucket, stack } = deployment;
  const environment = {
    [BUCKET_VARIABLE]: bucket.name,
    CORE_BACKUP_CONFIG: configFile,
    STACK: stack,
    EVENT_BUS: { Ref: "EventBus" },
    // Where an error was thrown is told by the lines that were written. The map is read when a stack is looked at, not before.
    NODE_OPTIONS: "--enable-source-maps",
  };
  const placeOf = (one: StackFunction) => functionPlace(one, deployment);
  const collectConcurrency = reservedCalls(await textOf(resolving, "param:collectConcurrency"), config);
  return functionDefinitions(stackFunctions(config), { stack, configFile, environment, collectConcurrency, placeOf });
}

/** What `resources:` holds beside what serverless.yml writes out: what follows from the configuration's jobs. */
export async function resources(
  resolving: Resolving,
): Promise<Record<"Mappings" | "Resources", Record<string, unknown>>> {
  const deployment = await deploymentOf(resolving);
  const { config, stack, schedules, flexibleMinutes, tasks } = deployment;
  const roles = stackFunctions(config).map((one) => [roleLogicalId(one.name), functionRole(one, deployment)]);
  const machines = config.jobs.map((job) => [job, machineOptions(job, deployment)] as const);
  const ofJobs = machines.map(([job, options]) => ({
    ...machineResources(job, options),
    ...taskResourcesOf(job, deployment),
    ...scheduleResources(job, { state: schedules, flexibleMinutes }),
    ...stoppedRunResources(job),
  }));
  const watched = {
    ...alarmResources(config.jobs),
    ...watchResources(stack, schedules, config),
    ...untoldRunsResources(),
    ...scheduleRole(config.jobs, stack),
  };
  return {
    Mappings: machineMappings(machines),
    Resources: Object.assign(
      watched,
      deployment.dashboard ? dashboardResources(stack, config, alarmIdsIn(watched)) : {},
      Object.fromEntries(roles),
      tasks === undefined ? {} : { ...clusterResources(stack, tasks), ...networkResources(stack, tasks) },
      ...ofJobs,
    ),
  };
}

const machineOptions = (job: Job, { config, stack, bucket, tasks, image }: Deployment): MachineOptions => ({
  stack,
  bucket: planPlaceOf(config, job, bucket),
  readers: readersId(config, job),
  network: tasks !== undefined && hasTasks(job, image) ? networkOf(tasks) : undefined,
});

function functionRole(one: StackFunction, deployment: Deployment): unknown {
  const { config, stack } = deployment;
  const name = `${stack}-${one.name}`;
  const own = one.readers === undefined ? config : configOf(config, one.readers.jobs);
  const { network, mount } = functionPlace(one, deployment);
  return roleFor("lambda.amazonaws.com", name, [
    ...statementsOf(one.spec.name, inputsOf(own, deployment, mount === undefined ? [] : [mount])),
    {
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: ofAccount("logs", `log-group:/aws/lambda/${name}:*`),
    },
    ...(one.spec.name === "notify" ? untoldStatements : []),
    // X-Ray knows no resource.
    { Effect: "Allow", Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" },
    ...(network === undefined ? [] : networkStatements(ofAccount("lambda", `function:${name}`))),
  ]);
}

/** In your network where that was asked for, or its jobs have their snapshots on a file system there. One that opens nothing needs none. */
function functionPlace({ spec, readers }: StackFunction, { config, efs, network }: Deployment) {
  if (spec.name === "verdict") return { network: undefined, mount: undefined };
  const mount = storageMount(readers === undefined ? config : configOf(config, readers.jobs), efs);
  return { network: mount !== undefined || network.forFunctions ? network : undefined, mount };
}

function taskResourcesOf(job: Job, deployment: Deployment): Record<string, unknown> {
  const { config, document, stack, bucket, image, tasks, efs } = deployment;
  if (tasks === undefined || !hasTasks(job, image)) return {};
  const own = configOf(config, [job]);
  const mounts = usedMounts(own, document, efs);
  const statements = statementsOf("collect", inputsOf(own, deployment, mounts));
  const inputs = { stack, config: taskConfig(document, job), bucket: bucket.name, statements, mounts };
  return taskResources(job, inputs, tasks);
}

const alarmIdsIn = (resources: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(resources).flatMap(([id, resource]) =>
    isRecord(resource) && resource.Type === "AWS::CloudWatch::Alarm" ? [id] : [],
  );

const inputsOf = (config: Config, { stack, bucket }: Deployment, mounts: readonly UsedMount[]) => ({
  ...{ places: placesOf(config, bucket), planCopies: planCopiesOf(config, bucket), mounts },
  watchMemory: watchMemoryOf(config, bucket, stack),
  executions: config.jobs.map(({ name }) => ofAccount("states", `execution:${machineName(stack, name)}:*`)),
  ...secretStatements(config),
  assumedRoles: assumedRoleStatements(config),
  topics: { look: topicStatements(config, "sns:GetTopicAttributes"), publish: topicStatements(config, "sns:Publish") },
});

const ofAccount = (service: string, resource: string): unknown => ({
  "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`,
});

async function deploymentOf(resolving: Resolving): Promise<Deployment> {
  const text = (expression: string) => textOf(resolving, expression);
  const configFile = await text("param:config");
  const given = await text("param:bucket");
  const efs = efsMounts(await text("param:efs"));
  const image = await text("param:image");
  const deployed = { mounts: efs, image };
  const { config, document } = await awsConfig(configFile, given === "" ? "the-bucket-of-the-stack" : given, deployed);
  const stack = `${await text("self:service")}-${await text("sls:stage")}`;
  return {
    config,
    document,
    configFile,
    stack,
    bucket: {
      name: given === "" ? { Ref: "BackupBucket" } : given,
      key: bucketKey(await text("param:kmsKey")),
      region: await text("aws:region"),
    },
    schedules: (await isOn(resolving, "schedules")) ? "ENABLED" : "DISABLED",
    flexibleMinutes: await flexibleMinutes(resolving),
    dashboard: await isOn(resolving, "dashboard"),
    image,
    tasks: await taskOptions(resolving, config, stack),
    efs,
    network: await givenNetwork(resolving),
  };
}

function bucketKey(given: string): KmsKey | undefined {
  const key = kmsKey(given);
  if (given !== "" && key === undefined) throw new Error(`--param=kmsKey=${given}: ${KEY_FORMS}`);
  return key;
}

async function flexibleMinutes(resolving: Resolving): Promise<number> {
  const given = await textOf(resolving, "param:flexibleMinutes");
  const minutes = Number(given);
  if (given !== "" && Number.isInteger(minutes) && minutes >= 0 && minutes <= MOST_FLEXIBLE_MINUTES) return minutes;
  throw new Error(`--param=flexibleMinutes=${given}: must be a whole number of 0 to ${MOST_FLEXIBLE_MINUTES}`);
}

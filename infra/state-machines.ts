import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Job } from "../lib/config/schema.ts";
import { machineName } from "../lib/deployment/names.ts";
import { functionLogicalId, functionName, functionTable } from "./functions.ts";
import { keyStatements } from "./kms-key.ts";
import { capitalized, logicalId } from "./names.ts";
import { CALL_RETRIERS, type Retrier, TASK_RETRIERS } from "./retriers.ts";
import { objectsOf, roleFor } from "./roles.ts";
import type { BucketPlace } from "./storage-places.ts";
import type { TaskNetwork } from "./task-network.ts";
import { clusterLogicalId, runTaskStatements, taskLogicalId } from "./task-resources.ts";

export interface MachineOptions {
  /** `<service>-<stage>` */
  readonly stack: string;
  readonly bucket: BucketPlace;
  /** Id of the functions that read its source (`readers.ts`). */
  readonly readers: string;
  /** Where its tasks are started; absent where it has none. */
  readonly network: TaskNetwork | undefined;
}

const DEFINITION = join(import.meta.dirname, "../statemachines/backup.asl.json");
const rule = z.looseObject({ Next: z.string() });
const childFields = {
  StartAt: z.string(),
  States: z.record(
    z.string(),
    z.looseObject({
      Next: z.string().optional(),
      Default: z.string().optional(),
      Choices: z.array(rule).optional(),
      Catch: z.array(rule).optional(),
      TimeoutSeconds: z.number().optional(),
      Arguments: z.looseObject({}).optional(),
    }),
  ),
};
const definitionSchema = z.looseObject({
  States: z.looseObject({
    Collect: z.looseObject({ MaxConcurrency: z.number(), ItemProcessor: z.looseObject(childFields) }),
    Parts: z.looseObject({ MaxConcurrency: z.number(), ItemProcessor: z.looseObject(childFields) }),
  }),
});
const RETRIERS: Readonly<Record<string, readonly Retrier[]>> = {
  "arn:aws:states:::lambda:invoke": CALL_RETRIERS,
  "arn:aws:states:::ecs:runTask.sync": TASK_RETRIERS,
};
const retriedSchema = z.looseObject({
  Resource: z.enum(Object.keys(RETRIERS)),
  Retry: z.array(z.unknown()).optional(),
});
/** Until a container runs: its image is fetched, its network made. */
export const TASK_START_SECONDS = 900;
const MAPPING = "StateMachines";
const STEPS = functionTable.filter(({ name }) => name !== "watch");

export const machineLogicalId = (job: string): string => `${logicalId(job)}Machine`;

/** The state machine of a job, its role and the role's rights: what it calls, and no more. */
export function machineResources(job: Job, options: MachineOptions): Record<string, unknown> {
  const id = machineLogicalId(job.name);
  const name = machineName(options.stack, job.name);
  return {
    [id]: {
      Type: "AWS::StepFunctions::StateMachine",
      Properties: {
        StateMachineName: name,
        StateMachineType: "STANDARD",
        RoleArn: { "Fn::GetAtt": [`${id}Role`, "Arn"] },
        DefinitionString: { "Fn::FindInMap": [MAPPING, keyOf(definition(job, options)), "text"] },
        DefinitionSubstitutions: {
          // What is substituted is put into the text as it is.
          Job: JSON.stringify(job.name).slice(1, -1),
          Bucket: options.bucket.name,
          Prefix: options.bucket.prefix,
          Bus: { Ref: "EventBus" },
          ...taskSubstitutions(job.name, options),
          ...Object.fromEntries(
            STEPS.map((step) => [`${capitalized(step.name)}Function`, arnOf(functionName(step, options.readers))]),
          ),
        },
        LoggingConfiguration: {
          Level: "ERROR",
          IncludeExecutionData: false,
          Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: { "Fn::GetAtt": ["MachineLogGroup", "Arn"] } } }],
        },
        TracingConfiguration: { Enabled: true },
      },
    },
    [`${id}Role`]: roleFor("states.amazonaws.com", name, machineStatements(job.name, name, options)),
  };
}

const arnOf = (name: string): unknown => ({ "Fn::GetAtt": [functionLogicalId(name), "Arn"] });

/**
 * The definitions, each once: of a template CloudFormation takes 1 MB, and one takes some 30 KB of that. Those of most jobs are the same, but for
 * what is substituted.
 */
export function machineMappings(machines: readonly (readonly [Job, MachineOptions])[]): Record<string, unknown> {
  const texts = machines.map((one) => definition(...one));
  return { [MAPPING]: Object.fromEntries(texts.map((text) => [keyOf(text), { text }])) };
}

/** Letters and digits are all that a mapping's keys may have. */
const keyOf = (text: string): string => `Definition${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;

/** What CloudFormation substitutes is text: numbers are written in here. */
function definition({ concurrency, timeoutMs }: Job, { network }: MachineOptions): string {
  const machine = definitionSchema.parse(JSON.parse(readFileSync(DEFINITION, "utf8")));
  const { Collect, Parts } = machine.States;
  for (const [fanOut, names] of [
    [Collect, { where: "Where", task: "Task" }],
    [Parts, { where: "PartWhere", task: "PartTask" }],
  ] as const) {
    fanOut.MaxConcurrency = concurrency;
    if (network === undefined) withoutTasks(fanOut.ItemProcessor, names);
    else withTasks(fanOut.ItemProcessor, names, network, timeoutMs);
  }
  return JSON.stringify(machine, (_, value) => (retriedSchema.safeParse(value).success ? withRetriers(value) : value));
}

const withRetriers = (state: z.infer<typeof retriedSchema>) => ({
  ...state,
  Retry: [...(state.Retry ?? []), ...(RETRIERS[state.Resource] ?? [])],
});

type Child = z.infer<z.ZodObject<typeof childFields>>;

/** The states of a fan-out that say where something is done, and do it in a task. */
interface TaskStates {
  readonly where: string;
  readonly task: string;
}

/** A job without tasks has no states for them: its functions do all, and nothing is given on. */
function withoutTasks(child: Child, { where, task }: TaskStates): void {
  const { [where]: first, [task]: _, ...states } = child.States;
  const start = first?.Default;
  if (start === undefined) throw new Error(`statemachines/backup.asl.json: the state ${where} has no Default`);
  for (const state of Object.values(states)) {
    if (state.Next === where) state.Next = start;
    if (state.Choices !== undefined) state.Choices = state.Choices.filter(({ Next }) => Next !== task);
    if (state.Catch !== undefined) state.Catch = state.Catch.filter(({ Next }) => Next !== task);
  }
  child.StartAt = start;
  child.States = states;
}

function withTasks(
  child: Child,
  names: TaskStates,
  { subnets, securityGroups, assignPublicIp }: TaskNetwork,
  timeoutMs: number,
): void {
  const task = child.States[names.task];
  if (task === undefined) throw new Error(`statemachines/backup.asl.json has no state ${names.task}`);
  task.TimeoutSeconds = Math.ceil(timeoutMs / 1000) + TASK_START_SECONDS;
  task.Arguments = {
    ...task.Arguments,
    NetworkConfiguration: {
      AwsvpcConfiguration: {
        Subnets: subnets.map((_, n) => `\${Subnet${n}}`),
        SecurityGroups: securityGroups.map((_, n) => `\${SecurityGroup${n}}`),
        AssignPublicIp: assignPublicIp,
      },
    },
  };
}

function taskSubstitutions(job: string, { network }: MachineOptions): Record<string, unknown> {
  if (network === undefined) return {};
  return {
    Cluster: { "Fn::GetAtt": [clusterLogicalId, "Arn"] },
    TaskDefinition: { Ref: taskLogicalId(job) },
    ...Object.fromEntries(network.subnets.map((subnet, n) => [`Subnet${n}`, subnet])),
    ...Object.fromEntries(network.securityGroups.map((group, n) => [`SecurityGroup${n}`, group])),
  };
}

function machineStatements(
  job: string,
  name: string,
  { stack, bucket, readers, network }: MachineOptions,
): readonly unknown[] {
  const arn = (service: string, resource: string) => ({
    "Fn::Sub": `arn:\${AWS::Partition}:states:\${AWS::Region}:\${AWS::AccountId}:${service}:${resource}`,
  });
  const allow = (Action: readonly string[], Resource: unknown) => ({ Effect: "Allow", Action, Resource });
  return [
    allow(
      ["lambda:InvokeFunction"],
      STEPS.map((step) => arnOf(functionName(step, readers))),
    ),
    // The fan-out is executions of the machine itself, one for each unit.
    allow(["states:StartExecution"], arn("stateMachine", name)),
    // Of its own executions and, by the name of the fan-out, of those: so the service's guide has them, and their ARNs differ so.
    allow(
      ["states:DescribeExecution", "states:StopExecution"],
      [arn("execution", `${name}:*`), arn("execution", `${name}/*`)],
    ),
    // Without it a redriven execution cannot go on in its fan-out.
    allow(["states:RedriveExecution"], arn("execution", `${name}/*`)),
    allow(
      ["s3:GetObject"],
      ["plan.jsonl", "verify/parts*.jsonl"].map((name) => objectsOf(bucket.arn, `${bucket.prefix}*/.run/${name}`)),
    ),
    ...(bucket.key === undefined ? [] : keyStatements(bucket.key, bucket.arn, ["kms:Decrypt"])),
    allow(["events:PutEvents"], { "Fn::GetAtt": ["EventBus", "Arn"] }),
    ...(network === undefined ? [] : runTaskStatements(stack, job)),
    // These two know no resource (the service authorization reference of CloudWatch Logs and X-Ray).
    allow(
      [
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
      ],
      "*",
    ),
    allow(
      ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
      "*",
    ),
  ];
}

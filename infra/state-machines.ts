import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Job } from "../lib/config/schema.ts";
import { functionLogicalId, functionTable } from "./functions.ts";
import { awsName, capitalized, logicalId } from "./names.ts";
import { objectsOf, roleFor } from "./roles.ts";
import type { BucketPlace } from "./storage-places.ts";

export interface MachineOptions {
  /** `<service>-<stage>` */
  readonly stack: string;
  readonly bucket: BucketPlace;
}

const DEFINITION = join(import.meta.dirname, "../statemachines/backup.asl.json");
const definitionSchema = z.looseObject({
  States: z.looseObject({
    Job: z.looseObject({ Assign: z.strictObject({ job: z.string() }) }),
    Collect: z.looseObject({ MaxConcurrency: z.number() }),
  }),
});
/** A state machine's name may have 80 characters. */
const NAME_LIMIT = 80;
const STEPS = functionTable.map(({ name }) => name);

export const machineLogicalId = (job: string): string => `${logicalId(job)}Machine`;
const machineName = (stack: string, job: string): string => `${stack}-${awsName(job, NAME_LIMIT - stack.length - 1)}`;

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
        DefinitionString: definition(job),
        DefinitionSubstitutions: {
          Bucket: options.bucket.name,
          Prefix: options.bucket.prefix,
          EventBus: { Ref: "EventBus" },
          ...Object.fromEntries(
            STEPS.map((step) => [`${capitalized(step)}Function`, { "Fn::GetAtt": [functionLogicalId(step), "Arn"] }]),
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
    [`${id}Role`]: roleFor("states.amazonaws.com", name, machineStatements(name, options)),
  };
}

/** What CloudFormation substitutes is text without any escaping: a number and a name that people choose are written in here. */
function definition({ name, concurrency }: Job): string {
  const machine = definitionSchema.parse(JSON.parse(readFileSync(DEFINITION, "utf8")));
  machine.States.Job.Assign.job = name;
  machine.States.Collect.MaxConcurrency = concurrency;
  return JSON.stringify(machine);
}

function machineStatements(name: string, { bucket }: MachineOptions): readonly unknown[] {
  const arn = (service: string, resource: string) => ({
    "Fn::Sub": `arn:\${AWS::Partition}:states:\${AWS::Region}:\${AWS::AccountId}:${service}:${resource}`,
  });
  const allow = (Action: readonly string[], Resource: unknown) => ({ Effect: "Allow", Action, Resource });
  return [
    allow(
      ["lambda:InvokeFunction"],
      STEPS.map((step) => ({ "Fn::GetAtt": [functionLogicalId(step), "Arn"] })),
    ),
    // The fan-out is executions of the machine itself, one for each unit.
    allow(["states:StartExecution"], arn("stateMachine", name)),
    allow(["states:DescribeExecution", "states:StopExecution"], arn("execution", `${name}/*`)),
    allow(["s3:GetObject"], objectsOf(bucket.arn, `${bucket.prefix}*/.run/plan.jsonl`)),
    allow(["events:PutEvents"], { "Fn::GetAtt": ["EventBus", "Arn"] }),
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

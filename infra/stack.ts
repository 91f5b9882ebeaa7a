import type { Config } from "../lib/config/schema.ts";
import { alarmResources } from "./alarms.ts";
import { awsConfig } from "./aws-config.ts";
import { functionDefinitions, functionTable } from "./functions.ts";
import { capitalized } from "./names.ts";
import { BUCKET_VARIABLE } from "./on-aws.ts";
import { type Resolving, textOf } from "./resolving.ts";
import { roleFor, statementsOf } from "./roles.ts";
import { scheduleResources } from "./schedules.ts";
import { secretStatements } from "./secrets.ts";
import { machineResources } from "./state-machines.ts";
import { placeOf, placesOf, type StackBucket } from "./storage-places.ts";

interface Deployment {
  readonly config: Config;
  readonly configFile: string;
  /** `<service>-<stage>` */
  readonly stack: string;
  readonly bucket: StackBucket;
  readonly schedules: "ENABLED" | "DISABLED";
  readonly flexibleMinutes: number;
}

/** What `functions:` of serverless.yml holds. */
export async function functions(resolving: Resolving): Promise<Record<string, unknown>> {
  const { configFile, bucket } = await deploymentOf(resolving);
  const environment = { [BUCKET_VARIABLE]: bucket.name, CORE_BACKUP_CONFIG: configFile };
  return functionDefinitions({ configFile, environment, roleOf: roleLogicalId });
}

/** What `resources:` holds beside what serverless.yml writes out: what follows from the configuration's jobs. */
export async function resources(resolving: Resolving): Promise<{ Resources: Record<string, unknown> }> {
  const { config, stack, bucket, schedules, flexibleMinutes } = await deploymentOf(resolving);
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
    ...machineResources(job, { stack, bucket: placeOf(config, job, bucket) }),
    ...scheduleResources(job, { stack, state: schedules, flexibleMinutes }),
  }));
  return { Resources: Object.assign(alarmResources(config.jobs), Object.fromEntries(roles), ...ofJobs) };
}

const roleLogicalId = (name: string): string => `${capitalized(name)}Role`;

async function deploymentOf(resolving: Resolving): Promise<Deployment> {
  const text = (expression: string) => textOf(resolving, expression);
  const configFile = await text("param:config");
  const given = await text("param:bucket");
  const config = await awsConfig(configFile, given === "" ? "the-bucket-of-the-stack" : given);
  return {
    config,
    configFile,
    stack: `${await text("self:service")}-${await text("sls:stage")}`,
    bucket: { name: given === "" ? { Ref: "BackupBucket" } : given, kmsKey: (await text("param:kmsKey")) || undefined },
    schedules: (await text("param:schedules")) === "off" ? "DISABLED" : "ENABLED",
    flexibleMinutes: Number(await text("param:flexibleMinutes")),
  };
}

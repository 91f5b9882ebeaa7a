import { RESERVED_PREFIX } from "../lib/storage/key.ts";
import { efsStatements, type UsedMount } from "./efs.ts";
import type { FunctionSpec } from "./functions.ts";
import { keyStatements } from "./kms-key.ts";
import type { SecretRights } from "./secrets.ts";
import type { Statement } from "./statement.ts";
import type { BucketPlace } from "./storage-places.ts";

export interface RoleInputs extends SecretRights {
  readonly places: readonly BucketPlace[];
  /** Where `plan` puts copies of plans. */
  readonly planCopies: readonly BucketPlace[];
  /** Where `watch` and `notify` keep what they told of storages that cannot be asked. */
  readonly watchMemory: readonly BucketPlace[];
  /** File systems that snapshots lie on. */
  readonly mounts: readonly UsedMount[];
  /** ARNs of the jobs' executions, as a pattern each. */
  readonly executions: readonly unknown[];
  /** To take on the roles of storages. */
  readonly assumedRoles: readonly Statement[];
  /** To look whether topics of SNS are there, and to tell them. */
  readonly topics: { readonly look: readonly Statement[]; readonly publish: readonly Statement[] };
}

/** What each function may do. Nothing but `prune` may remove what is stored. */
export function statementsOf(name: FunctionSpec["name"], inputs: RoleInputs): readonly Statement[] {
  const { places, planCopies, watchMemory, mounts, executions, topics } = inputs;
  const { sourceSecrets, storageSecrets, notifierSecrets, assumedRoles } = inputs;
  const common = [
    ...places.flatMap(reading),
    ...places.flatMap(writing),
    ...efsStatements(mounts),
    ...storageSecrets,
    ...assumedRoles,
  ];
  switch (name) {
    case "plan":
      return [
        ...common,
        ...places.flatMap(preparing),
        ...planCopies.flatMap(reading),
        ...planCopies.flatMap(writing),
        ...sourceSecrets,
        // Whose lease it finds is held for as long as that one runs.
        allow(["states:DescribeExecution"], executions),
      ];
    case "collect":
      return [...common, ...sourceSecrets];
    case "verify":
      return [...common, ...planCopies.flatMap(reading), ...planCopies.flatMap(writing), ...sourceSecrets];
    case "finish":
      return [...common, ...notifierSecrets, ...topics.look];
    case "notify":
      // What is told of as stopped may have been redriven since.
      return [
        ...common,
        ...watchMemory.flatMap(reading),
        ...watchMemory.flatMap(writing),
        ...notifierSecrets,
        ...topics.publish,
        allow(["states:DescribeExecution"], executions),
      ];
    case "verdict":
      return [];
    case "watch":
      return [
        ...common,
        ...places.flatMap(preparing),
        ...watchMemory.flatMap(reading),
        ...watchMemory.flatMap(writing),
        ...notifierSecrets,
        ...topics.publish,
        allow(["events:PutEvents"], { "Fn::GetAtt": ["EventBus", "Arn"] }),
      ];
    case "prune":
      return [...common, ...places.map(({ arn, prefix }) => allow(["s3:DeleteObject"], objectsOf(arn, `${prefix}*`)))];
  }
}

function reading({ arn, prefix, key }: BucketPlace): readonly Statement[] {
  const ofPrefix = prefix === "" ? {} : { Condition: { StringLike: { "s3:prefix": [`${prefix}*`] } } };
  return [
    { ...allow(["s3:ListBucket"], arn), ...ofPrefix },
    allow(["s3:GetObject"], objectsOf(arn, `${prefix}*`)),
    ...(key === undefined ? [] : keyStatements(key, arn, ["kms:Decrypt", "kms:GenerateDataKey"])),
  ];
}

function writing({ arn, prefix, more }: BucketPlace): readonly Statement[] {
  const actions = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", ...more];
  return [allow(actions, objectsOf(arn, `${prefix}*`))];
}

/**
 * Before a run a storage finds out what it may do by empty objects of its own, one below its prefix and one below the job's,
 * and clears unfinished uploads away.
 */
function preparing({ arn, prefix, more }: BucketPlace): readonly Statement[] {
  return [
    allow(["s3:DeleteObject"], objectsOf(arn, `${prefix}*${RESERVED_PREFIX}probe`)),
    allow(["s3:ListBucketMultipartUploads"], arn),
    ...(more.includes("s3:PutObjectRetention") ? [allow(["s3:GetBucketObjectLockConfiguration"], arn)] : []),
  ];
}

/**
 * What Lambda needs to put a function into a network (its developer guide, "Giving Lambda functions access to resources in an
 * Amazon VPC", has it without a resource). The code of the function may do none of it.
 */
export const networkStatements = (functionArn: unknown): readonly unknown[] => {
  const Action = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ];
  return [
    allow(Action, "*"),
    {
      ...{ Effect: "Deny", Action, Resource: "*" },
      Condition: { ArnEquals: { "lambda:SourceFunctionArn": functionArn } },
    },
  ];
};

const allow = (Action: readonly string[], Resource: unknown): Statement => ({ Effect: "Allow", Action, Resource });

/** The objects of a bucket under a pattern. */
export const objectsOf = (arn: unknown, pattern: string): unknown => ({ "Fn::Join": ["", [arn, `/${pattern}`]] });

/** A role that one service of AWS takes on. */
export function roleFor(service: string, policy: string, statements: readonly unknown[]): unknown {
  return {
    Type: "AWS::IAM::Role",
    Properties: {
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
      },
      Policies: [{ PolicyName: policy, PolicyDocument: { Version: "2012-10-17", Statement: statements } }],
    },
  };
}

import type { Job } from "../lib/config/schema.ts";
import { BUCKET_VARIABLE } from "../lib/deployment/stack.ts";
import { CONFIG_VARIABLE } from "../lib/function-task.ts";
import { efsVolumes, type UsedMount } from "./efs.ts";
import { capitalized, logicalId } from "./names.ts";
import { roleFor } from "./roles.ts";
import type { Statement } from "./statement.ts";
import type { TaskOptions } from "./task-options.ts";

/** The one container of a task, which the state machine gives its unit. */
const CONTAINER = "core-backup";
/** Fargate's own disk. More has to be asked for. */
const USUAL_DISK_GIB = 20;
/** From SIGTERM to SIGKILL: what is under way is told to stop, and its record written. */
const STOP_SECONDS = 60;

export const clusterLogicalId = "TaskCluster";
const executionRoleLogicalId = "TaskExecutionRole";
export const taskLogicalId = (job: string): string => `${logicalId(job)}Task`;
const familyOf = (stack: string, job: string): string => `${stack}-${logicalId(job)}`;
const taskRoleLogicalId = (job: string): string => `${taskLogicalId(job)}Role`;

/** What tasks of all jobs share: the cluster, their log, and the role by which AWS starts them. */
export function clusterResources(stack: string, { image, logRetentionDays }: TaskOptions): Record<string, unknown> {
  const log = { "Fn::GetAtt": ["TaskLogGroup", "Arn"] };
  return {
    [clusterLogicalId]: { Type: "AWS::ECS::Cluster", Properties: { ClusterName: stack } },
    TaskLogGroup: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: `/aws/ecs/${stack}`, RetentionInDays: logRetentionDays },
    },
    [executionRoleLogicalId]: roleFor("ecs-tasks.amazonaws.com", `${stack}-start-task`, [
      allow(["logs:CreateLogStream", "logs:PutLogEvents"], log),
      ...(image.repositoryArn === undefined
        ? []
        : [
            // It knows no resource (the service authorization reference of ECR).
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(
              ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
              image.repositoryArn,
            ),
          ]),
    ]),
  };
}

export interface TaskInputs {
  readonly stack: string;
  /** `packedConfig` of what the job needs of the configuration. */
  readonly config: string;
  readonly bucket: unknown;
  /** What the task may do: the sources of the job, and no other job's; of its storage all below the prefix, which jobs share. */
  readonly statements: readonly Statement[];
  /** File systems that it reads of, and writes to. */
  readonly mounts: readonly UsedMount[];
}

/** A job's task definition and its role. */
export function taskResources(job: Job, inputs: TaskInputs, options: TaskOptions): Record<string, unknown> {
  const { stack, config, bucket, statements } = inputs;
  const { volumes, mountPoints } = efsVolumes(inputs.mounts);
  const { image, cpu, memory, diskGib, architecture } = options;
  const environment = { [CONFIG_VARIABLE]: config, [BUCKET_VARIABLE]: bucket, AWS_REGION: { Ref: "AWS::Region" } };
  return {
    [taskLogicalId(job.name)]: {
      Type: "AWS::ECS::TaskDefinition",
      // A run that goes on while the stack is deployed starts its tasks by the revision that it began with.
      UpdateReplacePolicy: "Retain",
      DeletionPolicy: "Delete",
      Properties: {
        Family: familyOf(stack, job.name),
        RequiresCompatibilities: ["FARGATE"],
        NetworkMode: "awsvpc",
        Cpu: `${cpu}`,
        Memory: `${memory}`,
        ...(diskGib > USUAL_DISK_GIB ? { EphemeralStorage: { SizeInGiB: diskGib } } : {}),
        RuntimePlatform: { CpuArchitecture: architecture, OperatingSystemFamily: "LINUX" },
        ExecutionRoleArn: { "Fn::GetAtt": [executionRoleLogicalId, "Arn"] },
        TaskRoleArn: { "Fn::GetAtt": [taskRoleLogicalId(job.name), "Arn"] },
        Volumes: [{ Name: "tmp" }, ...volumes],
        ContainerDefinitions: [
          {
            Name: CONTAINER,
            Image: image.uri,
            Essential: true,
            Command: ["task"],
            ReadonlyRootFilesystem: true,
            MountPoints: [{ SourceVolume: "tmp", ContainerPath: "/tmp" }, ...mountPoints],
            StopTimeout: STOP_SECONDS,
            Environment: Object.entries(environment).map(([Name, Value]) => ({ Name, Value })),
            LogConfiguration: {
              LogDriver: "awslogs",
              Options: {
                "awslogs-group": { Ref: "TaskLogGroup" },
                "awslogs-region": { Ref: "AWS::Region" },
                "awslogs-stream-prefix": capitalized(logicalId(job.name)),
              },
            },
          },
        ],
      },
    },
    [taskRoleLogicalId(job.name)]: roleFor("ecs-tasks.amazonaws.com", `${stack}-task`, statements),
  };
}

/** What a job's state machine may do with tasks: start its own, and stop and follow what runs in the cluster. */
export function runTaskStatements(stack: string, job: string): readonly unknown[] {
  const ofAccount = (service: string, resource: string) => ({
    "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`,
  });
  const tasks = ofAccount("ecs", `task/${stack}/*`);
  const cluster = { "Fn::GetAtt": [clusterLogicalId, "Arn"] };
  return [
    {
      ...allow(["ecs:RunTask"], ofAccount("ecs", `task-definition/${familyOf(stack, job)}:*`)),
      Condition: { ArnEquals: { "ecs:cluster": cluster } },
    },
    // Tasks have the tags of their definition.
    { ...allow(["ecs:TagResource"], tasks), Condition: { StringEquals: { "ecs:CreateAction": "RunTask" } } },
    allow(["ecs:StopTask", "ecs:DescribeTasks"], tasks),
    {
      ...allow(
        ["iam:PassRole"],
        [executionRoleLogicalId, taskRoleLogicalId(job)].map((role) => ({ "Fn::GetAtt": [role, "Arn"] })),
      ),
      Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
    // The rule by which Step Functions hears that a task has ended (https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html).
    allow(
      ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      ofAccount("events", "rule/StepFunctionsGetEventsForECSTaskRule"),
    ),
  ];
}

const allow = (Action: readonly string[], Resource: unknown): Statement => ({ Effect: "Allow", Action, Resource });

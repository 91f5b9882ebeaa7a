import type { Config, Job } from "../lib/config/schema.ts";
import { imageTag } from "./image.ts";
import { isOn, type Resolving, textOf } from "./resolving.ts";

/** How tasks on Fargate are made, from the deployment's parameters. */
export interface TaskOptions {
  readonly image: {
    readonly uri: unknown;
    /** Of an image in Amazon ECR; one that lies elsewhere has to be public. */
    readonly repositoryArn: unknown;
  };
  /** 1024 is one processor. */
  readonly cpu: number;
  /** MiB */
  readonly memory: number;
  readonly diskGib: number;
  readonly architecture: "X86_64" | "ARM64";
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly assignPublicIp: "ENABLED" | "DISABLED";
  readonly logRetentionDays: number;
}

/** MiB that each size may have (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html): from, to, in steps of. */
const SIZES: Readonly<Record<number, readonly [number, number, number]>> = {
  256: [512, 2048, 512],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16384: [32_768, 122_880, 8192],
};
const DISK_GIB = { least: 20, most: 200 };
/** An image that deploying builds, and its tag. The framework names its repository so. */
export const BUILT_IMAGE = /\/serverless-[^/:]+:([0-9a-f]+)$/;
const ECR = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)(?:[:@].+)?$/;

/** Which jobs have tasks: those that want nothing else, and with an image those that leave the choice open. */
export const hasTasks = ({ compute }: Pick<Job, "compute">, image: string): boolean =>
  compute === "fargate" || (compute === "auto" && image !== "");

/** The same of a job as its YAML gives it. What is no value for `compute` is told already. */
export const hasTasksAsGiven = (compute: unknown, image: string): boolean =>
  hasTasks({ compute: compute === "lambda" || compute === "fargate" ? compute : "auto" }, image);

/** Whether that parameter has deploying build the image, and names none. */
const isBuilt = (image: string): boolean => image === "" || image === "build";

/**
 * Undefined where no job has tasks.
 * @throws Error that names the parameter which cannot be
 */
export async function taskOptions(
  resolving: Resolving,
  config: Config,
  stack: string,
): Promise<TaskOptions | undefined> {
  const param = (name: string) => textOf(resolving, `param:${name}`);
  const image = await param("image");
  if (!config.jobs.some((job) => hasTasks(job, image))) return undefined;
  const cpu = Number(await param("taskCpu"));
  const memory = Number(await param("taskMemory"));
  const [least, most, step] = SIZES[cpu] ?? refuse("taskCpu", cpu, `one of ${Object.keys(SIZES).join(", ")}`);
  if (!(memory >= least && memory <= most && memory % step === 0)) {
    refuse("taskMemory", memory, `${least} to ${most} in steps of ${step}, with taskCpu=${cpu}`);
  }
  const diskGib = Number(await param("taskDisk"));
  if (!(Number.isInteger(diskGib) && diskGib >= DISK_GIB.least && diskGib <= DISK_GIB.most)) {
    refuse("taskDisk", diskGib, `${DISK_GIB.least} to ${DISK_GIB.most} (GiB)`);
  }
  const architecture = await param("taskArchitecture");
  if (architecture !== "X86_64" && architecture !== "ARM64")
    refuse("taskArchitecture", architecture, "X86_64 or ARM64");
  const { subnets, securityGroups } = await givenNetwork(resolving);
  const publicIp = (await param("assignPublicIp")) || (subnets.length === 0 ? "on" : "off");
  if (publicIp !== "on" && publicIp !== "off") refuse("assignPublicIp", publicIp, "on or off");
  return {
    image: imageOf(image, stack, architecture),
    cpu,
    memory,
    diskGib,
    architecture,
    subnets,
    securityGroups,
    assignPublicIp: publicIp === "on" ? "ENABLED" : "DISABLED",
    logRetentionDays: Number(await param("logRetentionDays")),
  };
}

export interface GivenNetwork {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** Whether functions run in it too, and not only those that mount a file system. */
  readonly forFunctions: boolean;
}

/**
 * The network that tasks are given, and functions that want one; empty lists where none is.
 * @throws Error where one is needed and there is none
 */
export async function givenNetwork(resolving: Resolving): Promise<GivenNetwork> {
  const param = (name: string) => textOf(resolving, `param:${name}`);
  const subnets = list(await param("subnets"));
  const securityGroups = list(await param("securityGroups"));
  const forFunctions = await isOn(resolving, "functionsInSubnets");
  if (subnets.length === 0 || securityGroups.length === 0) {
    if ((await param("efs")) !== "")
      throw new Error(
        "--param=efs needs subnets and securityGroups: those of the network in which the file system has its mount targets",
      );
    if (forFunctions)
      throw new Error("--param=functionsInSubnets=on needs subnets and securityGroups: those that functions run in");
  }
  return { subnets, securityGroups, forFunctions };
}

/** The image that was given, or the one of this checkout, which deploying puts into a repository of the stack's name. */
function imageOf(given: string, stack: string, architecture: TaskOptions["architecture"]): TaskOptions["image"] {
  if (isBuilt(given)) {
    const of = (text: string) => ({ "Fn::Sub": text });
    return {
      uri: of(
        `\${AWS::AccountId}.dkr.ecr.\${AWS::Region}.\${AWS::URLSuffix}/serverless-${stack}:${imageTag(architecture)}`,
      ),
      repositoryArn: of(`arn:\${AWS::Partition}:ecr:\${AWS::Region}:\${AWS::AccountId}:repository/serverless-${stack}`),
    };
  }
  const [, account, region, name] = ECR.exec(given) ?? [];
  return {
    uri: given,
    repositoryArn:
      name === undefined
        ? undefined
        : { "Fn::Sub": `arn:\${AWS::Partition}:ecr:${region}:${account}:repository/${name}` },
  };
}

const list = (text: string): readonly string[] =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

function refuse(name: string, given: string | number, allowed: string): never {
  throw new Error(`--param=${name}=${given}: must be ${allowed}`);
}

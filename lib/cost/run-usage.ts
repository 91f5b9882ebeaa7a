import { FUNCTION_LIMITS } from "../verify-part-limits.ts";

/** What is known, or assumed, of the runs of a job: the same for a plan and for a table of examples. */
export interface RunShape {
  /** In each run. */
  readonly collected: number;
  readonly unchanged: number;
  /** Of the units that are collected on tasks of Fargate. */
  readonly onFargate: number;
  readonly artifactsPerUnit: number;
  readonly secondsPerUnit: number;
  /** Of all artifacts as they are stored. */
  readonly bytes: number;
  /** Of functions: all parts' together where there are some. */
  readonly verifySeconds: number;
  /** Parts of verifying that tasks of Fargate do. */
  readonly verifyOnFargate: { readonly parts: number; readonly seconds: number };
}

/** What one run uses, by what AWS counts. */
export interface RunUsage {
  readonly lambdaRequests: number;
  readonly lambdaGbSeconds: number;
  readonly transitions: number;
  readonly fargateVcpuHours: number;
  readonly fargateGbHours: number;
  readonly s3Writes: number;
  readonly s3Reads: number;
  readonly events: number;
  readonly logGb: number;
}

/** MiB of the functions as infra/functions.ts has them; a test compares. */
export const MEMORY = { plan: 512, collect: 1769, finish: 1024, verify: 1769, prune: 512, notify: 512 } as const;
/** Of infra's task definition: the smallest task that holds one unit. */
const TASK = { vcpu: 1, gb: 4, startSeconds: 40 };

/** The states that a good run enters, and each of its units, by statemachines/backup.asl.json; more where verifying is in parts, and for each part. */
export const TRANSITIONS = { run: 13, unit: 4, inParts: 3, part: 3 } as const;

/** Requests on the bucket, as a test counts them: of a run, of each unit that is collected, and of one that is not. */
export const REQUESTS = {
  run: { writes: 28, reads: 30 },
  collected: { writes: 2, reads: 3 },
  unchanged: { writes: 2, reads: 3 },
  /** For each artifact beside these. */
  artifact: { writes: 2, reads: 1 },
} as const;

/** Of each part of verifying, and of splitting and concluding it. */
const PART_REQUESTS = { part: { writes: 2, reads: 6 }, inParts: { writes: 4, reads: 12 } } as const;
/** Of what is unchanged, as `verify` reads by default. */
const READ_AGAIN = 0.1;

const PART_BYTES = 8 * 1024 * 1024;
const SECONDS = { plan: 2, planPerUnit: 0.02, unchanged: 1, finish: 1, finishPerUnit: 0.005, prune: 3, notify: 1 };
const LOG_BYTES_PER_CALL = 1_000;
const GB = 1024 ** 3;

export function runUsage(shape: RunShape): RunUsage {
  const { collected, unchanged, onFargate, artifactsPerUnit, secondsPerUnit, bytes, verifySeconds, verifyOnFargate } =
    shape;
  const units = collected + unchanged;
  const onLambda = collected - onFargate + unchanged;
  const parts = units === 0 ? 0 : Math.ceil(((bytes / units) * collected) / PART_BYTES);
  const gbSeconds = (mib: number, seconds: number) => (mib / 1024) * seconds;
  const tasks = onFargate + verifyOnFargate.parts;
  const taskHours = (tasks * TASK.startSeconds + onFargate * secondsPerUnit + verifyOnFargate.seconds) / 3600;
  const verifyParts = Math.max(verifyPartsOf(shape), verifyOnFargate.parts);
  const isInParts = verifyParts > 0;
  const sum = (kind: "writes" | "reads") =>
    REQUESTS.run[kind] +
    (isInParts ? PART_REQUESTS.inParts[kind] : 0) +
    verifyParts * PART_REQUESTS.part[kind] +
    collected * REQUESTS.collected[kind] +
    unchanged * REQUESTS.unchanged[kind] +
    units * artifactsPerUnit * REQUESTS.artifact[kind];
  const lambdaRequests = 5 + onLambda + (isInParts ? verifyParts - verifyOnFargate.parts + 1 : 0);
  return {
    lambdaRequests,
    lambdaGbSeconds:
      gbSeconds(MEMORY.plan, SECONDS.plan + units * SECONDS.planPerUnit) +
      gbSeconds(MEMORY.collect, (collected - onFargate) * secondsPerUnit + unchanged * SECONDS.unchanged) +
      gbSeconds(MEMORY.finish, SECONDS.finish + units * SECONDS.finishPerUnit) +
      gbSeconds(MEMORY.verify, verifySeconds) +
      gbSeconds(MEMORY.prune, SECONDS.prune) +
      gbSeconds(MEMORY.notify, SECONDS.notify),
    transitions:
      TRANSITIONS.run +
      units * TRANSITIONS.unit +
      (isInParts ? TRANSITIONS.inParts + verifyParts * TRANSITIONS.part : 0),
    fargateVcpuHours: taskHours * TASK.vcpu,
    fargateGbHours: taskHours * TASK.gb,
    s3Writes: sum("writes") + parts,
    s3Reads: sum("reads") + parts,
    events: 2,
    logGb: ((lambdaRequests + tasks) * LOG_BYTES_PER_CALL) / GB,
  };
}

/** So many units' artifacts does a verification read. Pure. */
export const unitsRead = ({ collected, unchanged }: Pick<RunShape, "collected" | "unchanged">): number =>
  collected + unchanged * READ_AGAIN;

/** Into how many parts verifying is split; 0 where one call does all of it. Pure. */
export function verifyPartsOf({
  collected,
  unchanged,
  artifactsPerUnit,
  bytes,
}: Pick<RunShape, "collected" | "unchanged" | "artifactsPerUnit" | "bytes">): number {
  const units = collected + unchanged;
  if (units === 0) return 0;
  const read = unitsRead({ collected, unchanged });
  const parts = Math.max(
    (bytes * (read / units)) / FUNCTION_LIMITS.bytes,
    (read * artifactsPerUnit) / FUNCTION_LIMITS.artifacts,
  );
  return parts <= 1 ? 0 : Math.ceil(parts);
}

import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import { duration } from "../lib/config/values.ts";
import { LONGEST_RUN_MS } from "../lib/lease/lease-document.ts";
import { scheduleFault } from "../lib/scheduling/schedule.ts";
import type { Deployed } from "./deployed.ts";
import { eventBridgeCron } from "./eventbridge-cron.ts";
import { KEY_FORMS, kmsKey } from "./kms-key.ts";
import { mongodumpFaults } from "./mongodump-on-aws.ts";
import { filesystemFaults, nfsFaults } from "./on-efs.ts";
import { sourceFaults } from "./source-on-aws.ts";

/** A day less than its run, for all that comes before and after it. */
const LONGEST_UNIT_MS = LONGEST_RUN_MS - 24 * 60 * 60_000;

/** What is right at a desk and cannot be on AWS: said with the configuration's other faults, at its own place. */
export function onAwsFaults(value: unknown, deployed: Deployed): readonly Issue[] {
  if (!isRecord(value)) return [];
  const { mounts } = deployed;
  const jobs = Array.isArray(value.jobs) ? value.jobs : [];
  return [
    ...jobs.flatMap((job, index) => jobFaults(job, ["jobs", index], value.storage, deployed)),
    ...(isRecord(value.storage) ? nfsFaults(value.storage, usedStorages(jobs, value.storage), mounts) : []),
    ...(isRecord(value.storage) ? keyFaults(value.storage, usedStorages(jobs, value.storage)) : []),
    ...metricsFaults(value.metrics),
  ];
}

function jobFaults(job: unknown, path: Path, storages: unknown, deployed: Deployed): readonly Issue[] {
  if (!isRecord(job)) return [];
  return [
    ...nameFaults(job, path),
    ...filesystemFaults(job, path, deployed.mounts),
    ...sourceFaults(job, path, deployed),
    ...mongodumpFaults(job, path, deployed),
    ...storageFaults(job, path, storages),
    ...scheduleFaults(job, path),
    ...timeoutFaults(job, path),
    ...hookFaults(job, path),
    ...encryptionFaults(job, path),
  ];
}

function metricsFaults(metrics: unknown): readonly Issue[] {
  if (!isRecord(metrics)) return [];
  const { textfile, pushgateway } = metrics;
  const textfileFault = at(["metrics", "textfile"], "has no folder to write to on AWS: use cloudwatch");
  const instanceFault = at(
    ["metrics", "pushgateway"],
    'needs instance on AWS, where no name of a machine lasts: give one, or "" for none',
  );
  return [
    ...(textfile === undefined ? [] : [textfileFault]),
    ...(isRecord(pushgateway) && pushgateway.instance === undefined ? [instanceFault] : []),
  ];
}

/** Both mean something in a state machine's definition, in which the name stands. */
function nameFaults({ name }: Readonly<Record<string, unknown>>, path: Path): readonly Issue[] {
  if (typeof name !== "string" || !/\$\{|\{%/.test(name)) return [];
  return [at([...path, "name"], "cannot hold ${ or {% on AWS")];
}

function storageFaults(job: Readonly<Record<string, unknown>>, path: Path, storages: unknown): readonly Issue[] {
  if (!isRecord(storages)) return [];
  const name = storageOf(job, storages);
  const storage = name !== undefined && Object.hasOwn(storages, name) ? storages[name] : undefined;
  if (!isRecord(storage) || storage.type !== "filesystem") return [];
  const place = typeof job.target_storage === "string" ? [...path, "target_storage"] : path;
  return [at(place, `is stored in ${name}, of type filesystem: on AWS a job's storage is of type s3, or nfs`)];
}

/** The only one where a job names none. */
function storageOf(job: Readonly<Record<string, unknown>>, storages: Readonly<Record<string, unknown>>) {
  if (typeof job.target_storage === "string") return job.target_storage;
  const [only, ...others] = Object.keys(storages);
  return others.length === 0 ? only : undefined;
}

const usedStorages = (jobs: readonly unknown[], storages: Readonly<Record<string, unknown>>): ReadonlySet<string> =>
  new Set(jobs.flatMap((job) => (isRecord(job) ? (storageOf(job, storages) ?? []) : [])));

/** A store of another make has keys of its own, and asks for no rights of AWS; one that is opened by a role has that one's. */
function keyFaults(storages: Readonly<Record<string, unknown>>, used: ReadonlySet<string>): readonly Issue[] {
  return [...used].flatMap((name) => {
    const storage = storages[name];
    if (!isRecord(storage) || typeof storage.kms_key !== "string") return [];
    if (storage.endpoint !== undefined || storage.role_arn !== undefined || kmsKey(storage.kms_key) !== undefined)
      return [];
    return [at(["storage", name, "kms_key"], `${KEY_FORMS}: the functions get rights to it`)];
  });
}

/** A run is many functions there, on no machine that a command could do anything to. */
function hookFaults({ hooks }: Readonly<Record<string, unknown>>, path: Path): readonly Issue[] {
  if (hooks === undefined) return [];
  return [{ path: [...path, "hooks"], isKey: true, message: "cannot be run on AWS, where no machine of yours is" }];
}

/** The fan-out over the units is made by AWS itself, from the plan as it lies in the bucket; and a function opens the keys before it lists them. */
function encryptionFaults({ encryption }: Readonly<Record<string, unknown>>, path: Path): readonly Issue[] {
  if (!isRecord(encryption)) return [];
  const place = [...path, "encryption"];
  const ofPlan = "cannot be had on AWS, where the state machine reads the plan, which would be encrypted as well";
  const ofProgram = "needs the program gpg, which functions do not have: use age";
  return [
    ...(encryption.encrypt_manifest === true ? [at([...place, "encrypt_manifest"], ofPlan)] : []),
    ...(encryption.type === "gpg" ? [at([...place, "type"], ofProgram)] : []),
  ];
}

function scheduleFaults({ schedule }: Readonly<Record<string, unknown>>, path: Path): readonly Issue[] {
  // One that is wrong everywhere is told already.
  if (typeof schedule !== "string" || scheduleFault(schedule) !== undefined) return [];
  try {
    eventBridgeCron(schedule);
    return [];
  } catch (error) {
    if (error instanceof RangeError) return [at([...path, "schedule"], error.message)];
    throw error;
  }
}

/** A unit that may take as long as its run is ended with it, told as nothing but a run out of time. */
function timeoutFaults({ timeout }: Readonly<Record<string, unknown>>, path: Path): readonly Issue[] {
  // One that is wrong everywhere is told already.
  const { data: timeoutMs = 0 } = duration.safeParse(timeout);
  if (timeoutMs <= LONGEST_UNIT_MS) return [];
  return [at([...path, "timeout"], "must not be longer than 6d on AWS, where a run is ended after 7d")];
}

const at = (path: Path, message: string): Issue => ({ path, isKey: false, message });

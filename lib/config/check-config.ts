import * as z from "zod";
import type { ConnectorKind } from "../connectors/connector.ts";
import { encryptionSchema } from "../encryption/all.ts";
import { unsetHookVariables } from "./check-hooks.ts";
import { checkNotifications, unknownNotifiers } from "./check-notifications.ts";
import { forbiddenHosts } from "./egress-checks.ts";
import { check, type Issue } from "./issues.ts";
import { isRecord, joined, kindOf, unknownNameMessage } from "./messages.ts";
import type { Path } from "./place.ts";
import { beyondProxy } from "./proxy-checks.ts";
import { type Config, fileSchema, type Job, jobFields, jobSchema } from "./schema.ts";
import { checkReferences, type Refusal } from "./secret-checks.ts";
import { type StorageOptions, storageKinds } from "./storage-options.ts";
import { nearest } from "./suggestion.ts";

export interface CheckConfigOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kinds: Readonly<Record<string, ConnectorKind>>;
  /** Whether variables and files that only the sources need are looked at. */
  readonly sources: boolean;
  /** The same for those of the notifiers. */
  readonly notifiers: boolean;
  /** The configuration's folder. */
  readonly folder: string;
  readonly refusal?: Refusal | undefined;
}

export interface CheckedConfig {
  /** Meaningful only without issues. */
  readonly config: Omit<Config, "file">;
  readonly issues: readonly Issue[];
}

/** The whole of a configuration, part by part, so that a fault in one part hides none in another. */
export async function checkConfig(value: unknown, options: CheckConfigOptions): Promise<CheckedConfig> {
  const issues: Issue[] = [];
  const none = { jobs: [], storage: {}, notifications: {}, max_jobs: 1 };
  if (!isRecord(value)) {
    return { config: none, issues: [fault([], `must be a mapping with jobs and storage, not ${kindOf(value)}`)] };
  }
  const { env, folder, sources: look, refusal } = options;
  issues.push(...(await checkReferences(fileSchema, value, { env, folder, look, refusal, path: [] })));
  const whole = check(fileSchema, value, { path: [] });
  issues.push(...whole.issues);

  const storages: [string, StorageOptions][] = [];
  const storageNames = isRecord(value.storage) ? Object.keys(value.storage) : [];
  const used = usedStorages(value.jobs, storageNames);
  // Not in the schema: zod's records pass over the name `__proto__`.
  if (isRecord(value.storage) && storageNames.length === 0)
    issues.push(fault(["storage"], "must hold at least one storage"));
  for (const [name, given] of isRecord(value.storage) ? Object.entries(value.storage) : []) {
    const checked = await checkStorage(given, ["storage", name], options, used.has(name));
    issues.push(...checked.issues);
    if (checked.value !== undefined) storages.push([name, checked.value]);
  }

  const told = await checkNotifications(value.notifications, options);
  issues.push(...told.issues);

  const jobs: Job[] = [];
  const names = new Map<string, number>();
  for (const [index, given] of Array.isArray(value.jobs) ? value.jobs.entries() : []) {
    const path = ["jobs", index];
    const checked = await checkJob(given, path, storageNames, options);
    issues.push(...checked.issues, ...duplicateName(given, index, names), ...unknownNotifiers(given, path, told.names));
    if (checked.value !== undefined) jobs.push(checked.value);
  }
  const { max_jobs = 1, secrets, metrics, proxy, egress } = whole.value ?? {};
  if (proxy !== undefined) issues.push(...beyondProxy(value.jobs, proxy.no_proxy));
  if (egress !== undefined) issues.push(...forbiddenHosts(value, egress.allow));
  const config = {
    jobs,
    storage: Object.fromEntries(storages),
    notifications: told.notifications,
    max_jobs,
    ...(metrics === undefined ? {} : { metrics }),
    ...(secrets === undefined ? {} : { secrets }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(egress === undefined ? {} : { egress }),
  };
  return { config, issues };
}

interface Part<T> {
  readonly value: T | undefined;
  readonly issues: readonly Issue[];
}

async function checkStorage(
  given: unknown,
  path: Path,
  { env, folder, refusal }: CheckConfigOptions,
  look: boolean,
): Promise<Part<StorageOptions>> {
  const types = Object.keys(storageKinds);
  if (!isRecord(given))
    return { value: undefined, issues: [fault(path, `must be a mapping with type, not ${kindOf(given)}`)] };
  const { type } = given;
  if (type === undefined)
    return { value: undefined, issues: [fault([...path, "type"], `is missing: it must be ${joined(types)}`)] };
  if (typeof type !== "string")
    return { value: undefined, issues: [fault([...path, "type"], `must be text, not ${kindOf(type)}`)] };
  const isKnown = Object.hasOwn(storageKinds, type);
  const unknown = isKnown ? [] : [fault([...path, "type"], unknownNameMessage("storage type", type, types))];
  // A misspelt type must not hide what is wrong with the rest.
  const meant = isKnown ? type : nearest(type, types);
  if (meant === undefined) return { value: undefined, issues: unknown };
  const schema = storageKinds[meant as keyof typeof storageKinds];
  const options = isKnown ? given : { ...given, type: meant };
  const references = await checkReferences(schema, options, { env, folder, look, refusal, path });
  const checked = check<StorageOptions>(schema, options, { path });
  return { value: isKnown ? checked.value : undefined, issues: [...unknown, ...references, ...checked.issues] };
}

async function checkJob(
  given: unknown,
  path: Path,
  storageNames: readonly string[],
  options: CheckConfigOptions,
): Promise<Part<Job>> {
  if (!isRecord(given)) {
    return {
      value: undefined,
      issues: [fault(path, `must be a mapping with name, service and options, not ${kindOf(given)}`)],
    };
  }
  const { kinds } = options;
  const service = typeof given.service === "string" ? given.service : undefined;
  const isKnown = service !== undefined && Object.hasOwn(kinds, service);
  // A misspelt service must not hide what is wrong with its options.
  const meant = isKnown ? service : nearest(service ?? "", Object.keys(kinds));
  const kind = meant === undefined ? undefined : kinds[meant];
  const optionNames = kind === undefined ? [] : optionKeys(kind);
  const unknownKey = (key: string) => (optionNames.includes(key) ? "belongs under options" : undefined);
  const { env, folder, sources: look, refusal } = options;
  const keys = await checkReferences(encryptionSchema, given.encryption, {
    env,
    folder,
    look,
    refusal,
    path: [...path, "encryption"],
  });
  const common = check(jobSchema, given, { path, unknownKey });
  const unset = look ? unsetHookVariables(given, path, env) : [];
  const issues = [...keys, ...common.issues, ...unset];
  if (service !== undefined && !isKnown) {
    issues.push(fault([...path, "service"], unknownNameMessage("service", service, Object.keys(kinds))));
  }
  const target = targetOf(given.target_storage, storageNames);
  if (target.message !== undefined) issues.push(fault([...path, "target_storage"], target.message));
  const own =
    kind === undefined
      ? undefined
      : await checkOptions(kind, meant ?? "", given.options, [...path, "options"], options);
  issues.push(...(own?.issues ?? []));
  if (!isKnown || common.value === undefined || own === undefined || target.name === undefined)
    return { value: undefined, issues };
  const { schedule, target_storage: _, ...rest } = common.value;
  const value = {
    ...rest,
    ...(schedule === undefined ? {} : { schedule }),
    target_storage: target.name,
    options: own.value,
  };
  return { value, issues };
}

async function checkOptions(
  kind: ConnectorKind,
  service: string,
  given: unknown,
  path: Path,
  options: CheckConfigOptions,
): Promise<Part<unknown>> {
  const { env, folder, sources: look, refusal, kinds } = options;
  const value = given ?? {};
  const unknownKey = (key: string) => {
    const names = optionKeys(kind);
    const owners = Object.keys(kinds).filter(
      (name) => name !== service && kinds[name] !== undefined && optionKeys(kinds[name]).includes(key),
    );
    if (owners.length > 0) return `belongs to service ${owners.join(" and ")}, and this is a job of service ${service}`;
    if (Object.hasOwn(jobFields.shape, key) && !names.includes(key))
      return "belongs to the job itself, not under options";
    return undefined;
  };
  const references = await checkReferences(kind.options, value, { env, folder, look, refusal, path });
  const checked = check(kind.options, value, { path, unknownKey });
  return { value: checked.value, issues: [...references, ...checked.issues] };
}

function targetOf(given: unknown, names: readonly string[]): { readonly name?: string; readonly message?: string } {
  // Of another type: its schema says so. No storage at all: that is said where storage is.
  if ((given !== undefined && typeof given !== "string") || names.length === 0) return {};
  const [only, ...others] = names;
  if (given === undefined) {
    return others.length === 0 && only !== undefined
      ? { name: only }
      : { message: `is missing: it must be ${joined(names)}` };
  }
  return names.includes(given) ? { name: given } : { message: unknownNameMessage("storage", given, names) };
}

/** Those that a job names: of the others no variable needs to be set. */
function usedStorages(jobs: unknown, names: readonly string[]): ReadonlySet<string> {
  const targets = (Array.isArray(jobs) ? jobs : []).map((job) => (isRecord(job) ? job.target_storage : undefined));
  return new Set(targets.flatMap((target) => targetOf(target, names).name ?? []));
}

function duplicateName(given: unknown, index: number, names: Map<string, number>): Issue[] {
  const name = isRecord(given) && typeof given.name === "string" ? given.name : undefined;
  if (name === undefined) return [];
  const before = names.get(name);
  if (before === undefined) names.set(name, index);
  return before === undefined ? [] : [fault(["jobs", index, "name"], `jobs[${before}] has this name already`)];
}

/** The keys of a service's options, looking through what parses further. */
function optionKeys({ options }: ConnectorKind): readonly string[] {
  const inner = options instanceof z.ZodPipe ? options.in : options;
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

const fault = (path: Path, message: string): Issue => ({ path, isKey: false, message });

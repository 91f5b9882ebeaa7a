import { check, type Issue } from "./issues.ts";
import { isRecord, joined, kindOf, unknownNameMessage } from "./messages.ts";
import { type NotifierOptions, notifierKinds } from "./notifier-options.ts";
import type { Path } from "./place.ts";
import { checkReferences, type Refusal } from "./secret-checks.ts";

export interface CheckedNotifications {
  /** All that stand there, right or wrong. */
  readonly names: readonly string[];
  readonly notifications: Readonly<Record<string, NotifierOptions>>;
  readonly issues: readonly Issue[];
}

interface Options {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  /** Whether variables and files are looked at. */
  readonly notifiers: boolean;
  readonly refusal?: Refusal | undefined;
}

/** Of each entry its `type` says what it is; one that is called like a type needs none. */
export async function checkNotifications(given: unknown, options: Options): Promise<CheckedNotifications> {
  // What is no mapping is told of by the schema of the file.
  const entries = isRecord(given) ? Object.entries(given) : [];
  const right: [string, NotifierOptions][] = [];
  const issues: Issue[] = [];
  for (const [name, one] of entries) {
    const checked = await checkNotifier(name, one, ["notifications", name], options);
    issues.push(...checked.issues);
    if (checked.value !== undefined) right.push([name, checked.value]);
  }
  return { names: entries.map(([name]) => name), notifications: Object.fromEntries(right), issues };
}

/** Names in a job's `notify` that there are not. */
export function unknownNotifiers(job: unknown, path: Path, names: readonly string[]): readonly Issue[] {
  const listed: readonly unknown[] = isRecord(job) && Array.isArray(job.notify) ? job.notify : [];
  return listed.flatMap((name, index) =>
    typeof name !== "string" || name === "" || names.includes(name)
      ? []
      : [fault([...path, "notify", index], unknownNameMessage("notifier", name, names))],
  );
}

async function checkNotifier(
  name: string,
  given: unknown,
  path: Path,
  { env, folder, notifiers: look, refusal }: Options,
): Promise<{ readonly value: NotifierOptions | undefined; readonly issues: readonly Issue[] }> {
  const wrong = (at: Path, message: string) => ({ value: undefined, issues: [fault(at, message)] });
  const types = Object.keys(notifierKinds);
  if (!isRecord(given)) return wrong(path, `must be a mapping with type, not ${kindOf(given)}`);
  const type = given.type ?? (types.includes(name) ? name : undefined);
  if (type === undefined) return wrong([...path, "type"], `is missing: it must be ${joined(types)}`);
  if (typeof type !== "string") return wrong([...path, "type"], `must be text, not ${kindOf(type)}`);
  if (!isType(type)) return wrong([...path, "type"], unknownNameMessage("notifier type", type, types));
  const schema = notifierKinds[type];
  const references = await checkReferences(schema, given, { env, folder, look, refusal, path });
  const checked = check<NotifierOptions>(schema, { ...given, type }, { path });
  return { value: checked.value, issues: [...references, ...checked.issues] };
}

const isType = (type: string): type is keyof typeof notifierKinds => Object.hasOwn(notifierKinds, type);

const fault = (path: Path, message: string): Issue => ({ path, isKey: false, message });

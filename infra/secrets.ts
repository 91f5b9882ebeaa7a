import type { Config } from "../lib/config/schema.ts";
import type { Statement } from "./statement.ts";

/** Rights to read secrets, by what asks for them. */
export interface SecretRights {
  readonly sourceSecrets: readonly Statement[];
  readonly storageSecrets: readonly Statement[];
  /** `finish` looks whether everyone can be told, since that goes into the manifest. */
  readonly notifierSecrets: readonly Statement[];
}

/** The secrets and parameters that a configuration names, as rights to read just these. */
export function secretStatements(config: Config): SecretRights {
  const { source, storage, notifiers } = secretReferences(config);
  return {
    sourceSecrets: statements(source),
    storageSecrets: statements(storage),
    notifierSecrets: statements(notifiers),
  };
}

/** What is read where sources are read, each once, in an order of their own. */
export function secretIds(config: Config): readonly string[] {
  const { source, storage } = secretReferences(config);
  return [...new Set([...source, ...storage].map(({ form, id }) => `${form} ${id}`))].sort();
}

/** Who asks for which. */
export function secretReferences(config: Config) {
  const found = (values: readonly unknown[]): readonly SecretReference[] =>
    values.flatMap((value) => [...references(value)]);
  return {
    source: found(config.jobs.map(({ options }) => options)),
    // A job's encryption belongs to how it is stored: what reads or writes its documents asks for the same secrets.
    storage: found([
      config.proxy,
      ...Object.values(config.storage),
      ...config.jobs.map(({ encryption }) => encryption),
    ]),
    notifiers: found([...Object.values(config.notifications), config.metrics]),
  };
}

function statements(found: readonly SecretReference[]): readonly Statement[] {
  const secrets = found.filter(({ form }) => form === "secret").map(({ id }) => secretArn(id));
  const parameters = found.filter(({ form }) => form === "ssm").map(({ id }) => parameterArn(id));
  return [
    ...(secrets.length === 0 ? [] : [allow("secretsmanager:GetSecretValue", secrets)]),
    ...(parameters.length === 0 ? [] : [allow("ssm:GetParameter", parameters)]),
  ];
}

const allow = (action: string, resources: readonly unknown[]): Statement => ({
  Effect: "Allow",
  Action: [action],
  Resource: resources,
});

export interface SecretReference {
  readonly form: "secret" | "ssm";
  readonly id: string;
}

function* references(value: unknown): Generator<SecretReference> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, given] of Object.entries(value)) {
    const form = /_(secret|ssm)$/.exec(key)?.[1];
    if (typeof given === "string" && (form === "secret" || form === "ssm"))
      yield { form, id: given.split("#")[0] ?? given };
    else yield* references(given);
  }
}

/** Secrets Manager puts six characters of its own behind a secret's name. */
const secretArn = (id: string): unknown =>
  id.startsWith("arn:") ? id : ofAccount("secretsmanager", `:secret:${id}-??????`);

const parameterArn = (id: string): unknown =>
  id.startsWith("arn:") ? id : ofAccount("ssm", `:parameter/${id.replace(/^\//, "")}`);

const ofAccount = (service: string, resource: string): unknown => ({
  "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}${resource}`,
});

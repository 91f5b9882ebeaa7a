import type { Config } from "../lib/config/schema.ts";
import type { RoleInputs, Statement } from "./roles.ts";

/** The secrets and parameters that a configuration names, as rights to read just these. */
export function secretStatements(config: Config): Omit<RoleInputs, "places"> {
  return {
    sourceSecrets: statements(config.jobs.map(({ options }) => options)),
    // A job's encryption belongs to how it is stored: what reads or writes its documents asks for the same secrets.
    storageSecrets: statements([
      config.proxy,
      ...Object.values(config.storage),
      ...config.jobs.map(({ encryption }) => encryption),
    ]),
    notifierSecrets: statements([...Object.values(config.notifications), config.metrics]),
  };
}

function statements(values: readonly unknown[]): readonly Statement[] {
  const found = values.flatMap((value) => [...references(value)]);
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

interface Reference {
  readonly form: "secret" | "ssm";
  readonly id: string;
}

function* references(value: unknown): Generator<Reference> {
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

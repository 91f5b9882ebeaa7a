import type { Template } from "./aws-stack.ts";

/** The rights of one role of a template, as AWS would see them: every reference is the text that it becomes. */
export interface RolePolicy {
  readonly role: string;
  readonly document: unknown;
}

const ACCOUNT = "123456789012";
const PSEUDO: Readonly<Record<string, string>> = {
  "AWS::Partition": "aws",
  "AWS::Region": "us-east-1",
  "AWS::AccountId": ACCOUNT,
  "AWS::URLSuffix": "amazonaws.com",
};
const ofRegion = (service: string, resource: string) => `arn:aws:${service}:us-east-1:${ACCOUNT}:${resource}`;
/** ARNs by type, of a resource with a logical id. */
const ARNS: Readonly<Record<string, (id: string) => string>> = {
  "AWS::S3::Bucket": (id) => `arn:aws:s3:::${id.toLowerCase()}`,
  "AWS::IAM::Role": (id) => `arn:aws:iam::${ACCOUNT}:role/${id}`,
  "AWS::Lambda::Function": (id) => ofRegion("lambda", `function:${id}`),
  "AWS::StepFunctions::StateMachine": (id) => ofRegion("states", `stateMachine:${id}`),
  "AWS::SQS::Queue": (id) => ofRegion("sqs", id),
  "AWS::SNS::Topic": (id) => ofRegion("sns", id),
  "AWS::Events::EventBus": (id) => ofRegion("events", `event-bus/${id}`),
  "AWS::Logs::LogGroup": (id) => ofRegion("logs", `log-group:${id}:*`),
  "AWS::ECS::Cluster": (id) => ofRegion("ecs", `cluster/${id}`),
};

export function policiesOf(template: Template): readonly RolePolicy[] {
  return Object.entries(template.Resources).flatMap(([role, { Type, Properties }]) => {
    if (Type !== "AWS::IAM::Role") return [];
    const policies = (Properties.Policies ?? []) as readonly { readonly PolicyDocument: unknown }[];
    return policies.map(({ PolicyDocument }) => ({ role, document: resolved(PolicyDocument, template) }));
  });
}

function resolved(value: unknown, template: Template): unknown {
  if (Array.isArray(value)) return value.map((one) => resolved(one, template));
  if (typeof value !== "object" || value === null) return value;
  const { Ref, "Fn::GetAtt": attribute, "Fn::Sub": text, "Fn::Join": join } = value as Record<string, unknown>;
  if (Ref !== undefined) return named(String(Ref), template);
  if (attribute !== undefined) return named(String((attribute as readonly unknown[])[0]), template);
  if (text !== undefined) {
    return String(text).replace(/\$\{([^}.]+)(?:\.[^}]+)?\}/g, (_, name: string) => named(name, template));
  }
  if (join !== undefined) {
    const [separator, parts] = join as [string, unknown[]];
    return parts.map((part) => resolved(part, template)).join(separator);
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, template)]));
}

function named(name: string, { Resources }: Template): string {
  const known = PSEUDO[name] ?? ARNS[Resources[name]?.Type ?? ""]?.(name);
  if (known === undefined) throw new Error(`${name}: a reference in a policy to something whose ARN is not known here`);
  return known;
}

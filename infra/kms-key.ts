import type { Statement } from "./statement.ts";

/** A key that objects are encrypted with, as rights name it. */
export type KmsKey = Pick<Statement, "Resource" | "Condition">;

const ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const ALIAS = /^alias\/[\w/-]+$/;
const ARN = /^(arn:[^:\s]+:kms:[^:\s]+:\d{12}:)(key\/[\w-]+|alias\/[\w/-]+)$/;

/**
 * The key of a storage: its id, its ARN, or the name or ARN of an alias. Undefined for what is none of them. An id or a name
 * is of the account of the stack, and of the storage's region. Rights cannot name the alias of a key (a resource is the key),
 * but they can ask that the key has it, by which S3 may use the key however it names it.
 */
export function kmsKey(given: string, region = `\${AWS::Region}`): KmsKey | undefined {
  const [, account, resource = given] = ARN.exec(given) ?? [];
  if (resource !== given && resource.startsWith("key/")) return { Resource: given };
  const keysOf = account ?? `arn:\${AWS::Partition}:kms:${region}:\${AWS::AccountId}:`;
  if (ALIAS.test(resource)) {
    return {
      Resource: account === undefined ? { "Fn::Sub": `${keysOf}key/*` } : `${account}key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [resource] } },
    };
  }
  return ID.test(given) ? { Resource: { "Fn::Sub": `${keysOf}key/${given}` } } : undefined;
}

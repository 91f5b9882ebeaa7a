import type { Statement } from "./statement.ts";

/** A key that objects are encrypted with, as rights name it. */
export type KmsKey = Pick<Statement, "Resource" | "Condition">;

const ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const ALIAS = /^alias\/[\w/-]+$/;
const ARN = /^(arn:[^:\s]+:kms:[^:\s]+:\d{12}:)(key\/[\w-]+|alias\/[\w/-]+)$/;

/** What `kmsKey` takes, for whoever gave something else. */
export const KEY_FORMS = "must be the id or ARN of a key, or the name (alias/…) or ARN of an alias";

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

/**
 * Rights to use a key for what lies in a bucket. An alias can be given to another key; what was stored before stays encrypted
 * with the old one, which no alias names any more. S3 says to the key which bucket, or object, it asks for, so that any key may be
 * asked for what this bucket holds (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).
 */
export function keyStatements(key: KmsKey, bucketArn: unknown, actions: readonly string[]): readonly Statement[] {
  const { Resource } = key;
  const use: Statement = { Effect: "Allow", Action: actions, ...key };
  if (key.Condition === undefined) return [use];
  const ofBucket = { "kms:EncryptionContext:aws:s3:arn": [bucketArn, { "Fn::Join": ["", [bucketArn, "/*"]] }] };
  return [use, { Effect: "Allow", Action: ["kms:Decrypt"], Resource, Condition: { StringLike: ofBucket } }];
}

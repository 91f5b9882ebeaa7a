import { PLAN_COPIES_PREFIX } from "../lib/deployment/stack.ts";
import { isOn, type Resolving, textOf } from "./resolving.ts";

/** Parts of uploads that a killed function left: the next run clears them away as well. */
const UNFINISHED_UPLOADS_DAYS = 7;

/**
 * The bucket of the stack, unless `bucket` names one that exists: private, over TLS only, encrypted, versioned, and kept when
 * the stack is removed. With `objectLock` objects can be locked (`object_lock` of the storage says for how long).
 */
export async function resources(resolving: Resolving): Promise<{ Resources: Record<string, unknown> }> {
  const text = (name: string) => textOf(resolving, `param:${name}`);
  if ((await text("bucket")) !== "") return { Resources: {} };
  const kmsKey = await text("kmsKey");
  const objectLock = await isOn(resolving, "objectLock");
  const oldVersionsDays = Number(await text("oldVersionsDays"));
  if (!(Number.isInteger(oldVersionsDays) && oldVersionsDays > 0))
    throw new Error(`--param=oldVersionsDays=${await text("oldVersionsDays")}: must be a whole number of days above 0`);
  return {
    Resources: {
      BackupBucket: {
        Type: "AWS::S3::Bucket",
        DeletionPolicy: "Retain",
        UpdateReplacePolicy: "Retain",
        Properties: {
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            BlockPublicPolicy: true,
            IgnorePublicAcls: true,
            RestrictPublicBuckets: true,
          },
          OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
          VersioningConfiguration: { Status: "Enabled" },
          BucketEncryption: { ServerSideEncryptionConfiguration: [encryption(kmsKey)] },
          LifecycleConfiguration: { Rules: lifecycle(oldVersionsDays) },
          ...(objectLock ? { ObjectLockEnabled: true } : {}),
        },
      },
      BackupBucketPolicy: {
        Type: "AWS::S3::BucketPolicy",
        Properties: {
          Bucket: { Ref: "BackupBucket" },
          PolicyDocument: { Version: "2012-10-17", Statement: [tlsOnly()] },
        },
      },
    },
  };
}

const encryption = (kmsKey: string): unknown =>
  kmsKey === ""
    ? { ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }
    : { ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: kmsKey }, BucketKeyEnabled: true };

/** Copies of plans, which nothing reads once their run has ended and cannot be redriven any more (14 days). */
const PLAN_COPIES_DAYS = 30;

const lifecycle = (NoncurrentDays: number): readonly unknown[] => [
  {
    Id: "plan-copies",
    Status: "Enabled",
    Prefix: PLAN_COPIES_PREFIX,
    ExpirationInDays: PLAN_COPIES_DAYS,
  },
  {
    Id: "unfinished-uploads",
    Status: "Enabled",
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: UNFINISHED_UPLOADS_DAYS },
  },
  {
    Id: "old-versions",
    Status: "Enabled",
    NoncurrentVersionExpiration: { NoncurrentDays },
    ExpiredObjectDeleteMarker: true,
  },
];

const tlsOnly = (): unknown => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: [{ "Fn::GetAtt": ["BackupBucket", "Arn"] }, { "Fn::Sub": `\${BackupBucket.Arn}/*` }],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});

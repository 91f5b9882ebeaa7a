import assert from "node:assert/strict";
import { test } from "node:test";
import { type KmsKey, keyStatements, kmsKey } from "../../../infra/kms-key.ts";

const ID = "12345678-90ab-cdef-1234-567890abcdef";
const MULTI_REGION = "mrk-1234567890abcdef1234567890abcdef";
const ACCOUNT = "arn:aws:kms:us-east-1:123456789012";
const inStack = (resource: string, region = "${" + "AWS::Region}") => ({
  "Fn::Sub": `arn:\${AWS::Partition}:kms:${region}:\${AWS::AccountId}:${resource}`,
});
const aliased = (name: string) => ({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": [name] } });

test("a key is named by its ARN, or by its id in the account of the stack and the region of the storage", () => {
  assert.deepEqual(kmsKey(`${ACCOUNT}:key/${ID}`, "eu-west-1"), { Resource: `${ACCOUNT}:key/${ID}` });
  assert.deepEqual(kmsKey(ID), { Resource: inStack(`key/${ID}`) });
  assert.deepEqual(kmsKey(MULTI_REGION, "eu-west-1"), { Resource: inStack(`key/${MULTI_REGION}`, "eu-west-1") });
});

test("of an alias it is every key, on condition that it has the alias", () => {
  assert.deepEqual(kmsKey("alias/team/backups"), {
    Resource: inStack("key/*"),
    Condition: aliased("alias/team/backups"),
  });
  assert.deepEqual(kmsKey(`${ACCOUNT}:alias/backups`), {
    Resource: `${ACCOUNT}:key/*`,
    Condition: aliased("alias/backups"),
  });
});

test("what is none of them is no key", () => {
  for (const given of [
    "backups",
    "key/backups",
    `${ID}0`,
    "alias/",
    "alias/a*",
    "arn:aws:s3:::bucket",
    `${ACCOUNT}:key/*`,
  ])
    assert.equal(kmsKey(given), undefined, given);
});

test("what an alias named before may be used for what lies in the bucket; a key that is named is used alone", () => {
  const both = ["kms:Decrypt", "kms:GenerateDataKey"];
  const rightsOf = (given: string) => keyStatements(kmsKey(given) as KmsKey, "arn:aws:s3:::b", both);
  const allow = { Effect: "Allow", Action: both };
  assert.deepEqual(rightsOf(ID), [{ ...allow, Resource: inStack(`key/${ID}`) }]);
  assert.deepEqual(rightsOf("alias/backups"), [
    { ...allow, Resource: inStack("key/*"), Condition: aliased("alias/backups") },
    {
      Effect: "Allow",
      Action: ["kms:Decrypt"],
      Resource: inStack("key/*"),
      Condition: {
        StringLike: {
          "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::b", { "Fn::Join": ["", ["arn:aws:s3:::b", "/*"]] }],
        },
      },
    },
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { forbiddenHosts } from "../../../lib/config/egress-checks.ts";

const needed = (value: Readonly<Record<string, unknown>>): readonly string[] =>
  forbiddenHosts(value, []).map(({ message }) => /needs (\S+),/.exec(message)?.[1] ?? message);
const bucket = (options: object) => needed({ storage: { cloud: { type: "s3", bucket: "backups", ...options } } });

test("the host of a bucket is the one that is asked: by path for a name with dots, in China with a domain of its own", () => {
  assert.deepEqual(bucket({ region: "eu-central-1" }), ["backups.s3.eu-central-1.amazonaws.com:443"]);
  assert.deepEqual(bucket({ region: "eu-central-1", path_style: true }), ["s3.eu-central-1.amazonaws.com:443"]);
  assert.deepEqual(bucket({ region: "eu-central-1", bucket: "a.b" }), ["s3.eu-central-1.amazonaws.com:443"]);
  assert.deepEqual(bucket({ region: "cn-north-1" }), ["backups.s3.cn-north-1.amazonaws.com.cn:443"]);
});

test("SNS in China has a domain of its own too", () => {
  const topic_arn = "arn:aws-cn:sns:cn-north-1:123456789012:backups";
  assert.deepEqual(needed({ notifications: { sns: { topic_arn } } }), ["sns.cn-north-1.amazonaws.com.cn:443"]);
});

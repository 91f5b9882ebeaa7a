import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { logicalId } from "../../../infra/names.ts";
import { awsName } from "../../../lib/deployment/names.ts";

test("a plain job keeps its name, any other one gets one that AWS allows", () => {
  assert.equal(awsName("mongo-prod_backup", 64), "mongo-prod_backup");
  assert.match(awsName("Team files: the rest", 64), /^Team-files-the-rest-[0-9a-f]{8}$/);
  assert.match(awsName("x".repeat(100), 64), /^x{55}-[0-9a-f]{8}$/);
});

test("two jobs never share a name or a logical id, and both are such as AWS allows", () => {
  const name = fc.string({ minLength: 1, maxLength: 90, unit: "grapheme" });
  fc.assert(
    fc.property(name, name, (one, other) => {
      for (const job of [one, other]) {
        assert.match(awsName(job, 64), /^[A-Za-z0-9_-]{1,64}$/);
        assert.match(logicalId(job), /^[A-Za-z0-9]+$/);
      }
      if (one === other) return;
      assert.notEqual(awsName(one, 64), awsName(other, 64));
      assert.notEqual(logicalId(one), logicalId(other));
    }),
  );
});

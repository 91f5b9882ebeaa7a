import assert from "node:assert/strict";
import { test } from "node:test";
import { copySource } from "../../../lib/storage/s3/copy.ts";

test("what is copied is named by its bucket, or, through an access point, by the ARN of the object, encoded", () => {
  assert.equal(copySource("backups", "a b/c+d:e.bin"), "backups/a%20b/c%2Bd%3Ae.bin");
  assert.equal(
    copySource("arn:aws:s3:eu-central-1:123456789012:accesspoint/nightly", "a b/c.bin"),
    "arn%3Aaws%3As3%3Aeu-central-1%3A123456789012%3Aaccesspoint/nightly/object/a%20b/c.bin",
  );
});

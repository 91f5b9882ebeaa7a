import assert from "node:assert/strict";
import { test } from "node:test";
import { placesOf, planCopiesOf, planPlaceOf } from "../../../infra/storage-places.ts";
import { storageSchema } from "../../../lib/config/storage-options.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const STACK = { name: "of-the-stack", key: undefined, region: "eu-central-1" };
const COPIES = ["of-the-stack", ".core-backup-plans/"];

/** Where the machine reads the plan, and whether functions get rights to the bucket, of a storage with these options. */
function placed(options: Readonly<Record<string, unknown>>) {
  const store = storageSchema.parse({ type: "s3", bucket: "theirs", prefix: "backups/", ...options });
  const job = aJob();
  const config = { ...aBackup().backup.config, jobs: [job], storage: { store } };
  const { name, prefix } = planPlaceOf(config, job, STACK);
  assert.equal(planCopiesOf(config, STACK).length, prefix === COPIES[1] ? 1 : 0);
  return { plan: [name, prefix], rights: placesOf(config, STACK).map((place) => place.name) };
}

test("a machine reads the plan where the snapshots are, in a bucket of its region and by its own rights, and else a copy; functions have rights to buckets that they open as themselves", () => {
  const theirs = { plan: ["theirs", "backups/"], rights: ["theirs"] };
  assert.deepEqual(placed({}), theirs);
  assert.deepEqual(placed({ region: "eu-central-1" }), theirs);
  assert.deepEqual(placed({ endpoint: "https://s3.eu-central-1.amazonaws.com", region: "eu-central-1" }), theirs);
  const copied = { plan: COPIES, rights: ["theirs"] };
  assert.deepEqual(placed({ region: "us-west-2" }), copied);
  const byOthers = { plan: COPIES, rights: [] };
  assert.deepEqual(placed({ role_arn: "arn:aws:iam::123456789012:role/backup" }), byOthers);
  assert.deepEqual(placed({ access_key_id_secret: "keys#id", secret_access_key_secret: "keys#secret" }), byOthers);
  assert.deepEqual(placed({ access_key_id: "id", secret_access_key_ssm: "/keys/secret" }), byOthers);
  assert.deepEqual(placed({ endpoint: "https://s3.us-east-1.amazonaws.com" }), copied);
});

test("to a store of another make nobody gets rights of AWS, not even to a bucket of the same name there", () => {
  assert.deepEqual(placed({ endpoint: "https://minio.example.com" }), { plan: COPIES, rights: [] });
  assert.deepEqual(placed({ endpoint: "https://s3.amazonaws.com.example.com" }), { plan: COPIES, rights: [] });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { IntegrityError, RefusedError } from "../../../lib/errors.ts";
import { restoreTo } from "../../../lib/restore/restore-to.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup, contentsOf } from "../../support/a-backup.ts";

const units = () => [
  { id: "a", items: { "a.json": "content of a", "more.json": "more" } },
  { id: "b", items: { "b.json": "b" } },
];
const to = { job: "docs", target: "place", place: "there", force: false };

async function prepared() {
  const a = aBackup({ units });
  await runJobs(a.backup, ["docs"]);
  return a;
}

test("a unit goes to a place of its kind, and what came to be there is answered", async () => {
  const { backup, source } = await prepared();
  const restored = await restoreTo(backup, { ...to, unit: "a" });
  assert.deepEqual(source.placed, ["there/a/a.json.zst: content of a", "there/a/more.json.zst: more"]);
  assert.deepEqual(restored.units, [{ unit: "a", detail: "2 artifacts", facts: { artifacts: 2 } }]);
  assert.deepEqual(restored.incomplete, []);
});

test("several units are refused by a place that takes one, and the units are named", async () => {
  const { backup, source } = await prepared();
  await assert.rejects(
    restoreTo(backup, to),
    (error) => error instanceof RefusedError && /\(a, b\)/.test(error.message),
  );
  assert.deepEqual(source.placed, []);
});

test("a place that the service does not know is refused", async () => {
  const { backup } = await prepared();
  await assert.rejects(restoreTo(backup, { ...to, unit: "a", target: "moon" }), RefusedError);
});

test("what the place refuses it takes with force", async () => {
  const { backup, source } = await prepared();
  await assert.rejects(restoreTo(backup, { ...to, unit: "b", place: "taken" }), RefusedError);
  await restoreTo(backup, { ...to, unit: "b", place: "taken", force: true });
  assert.deepEqual(source.placed, ["taken/b/b.json.zst: b"]);
});

test("a damaged artifact is found before the place is touched, also when others of the unit are whole", async () => {
  const { backup, storage, source } = await prepared();
  const key = "docs/2026-11-22/030000Z/a/more.json.zst";
  const content = (await contentsOf(storage)).get(key) ?? Buffer.alloc(0);
  await storage.put(key, bytesOf(Buffer.concat([content, Buffer.from("x")])));
  await assert.rejects(restoreTo(backup, { ...to, unit: "a" }), IntegrityError);
  assert.deepEqual(source.placed, []);
});

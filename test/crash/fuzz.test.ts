import "./no-waiting.ts";
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { CodedError } from "../../lib/errors.ts";
import { restore } from "../../lib/restore/restore.ts";
import { listSnapshots } from "../../lib/snapshots.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { temporaryFolder } from "../support/stores.ts";
import { damaged, damages, utf8 } from "./damage.ts";
import { sha256 } from "./documents.ts";
import type { Image } from "./image.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { inMemory } from "./stores.ts";
import { act, isKnownCode, POLICY, SECRET } from "./world.ts";

/** Longer for a longer look: FUZZ_RUNS=20000. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const LIMITS = { numRuns: RUNS, timeout: 30_000 };
const FOLDER = "docs/2028-02-29/030000Z/";
/** A run that was ended before its time. */
const UNFINISHED = "docs/2028-03-01/030000Z/";

const source = sourceOf({ bigBytes: 1_000 });
const all = await scenarios(source);
const imageOf = (wanted: string): Image => all.find(({ name }) => name === wanted)?.image ?? new Map();
const store = imageOf("daily run");
const takenUp: Image = new Map([
  ...imageOf("run after an unfinished one"),
  [`${UNFINISHED}.run/resumed/1.json`, utf8(JSON.stringify({ run: "r", resumedAt: ["2028-03-01T03:00:00.000Z"] }))],
]);
const documents = [store, takenUp].flatMap((image) =>
  [...image.keys()]
    .filter((key) => /\.(json|jsonl)$|SHA256SUMS$/.test(key) && !/\/(org|db)\//.test(key))
    .filter((key) => image === store || key.startsWith(UNFINISHED))
    .map((key) => ({ image, key })),
);

test("over a store with a damaged document every step ends, with a code when it fails, and the next run succeeds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...documents), damages, async ({ image, key }, changes) => {
      await using opened = await inMemory.open(
        new Map([...image, [key, damaged(image.get(key) ?? utf8(""), changes)]]),
      );
      const { storage } = opened;
      await Array.fromAsync(listSnapshots(storage, "docs"));
      for (const action of ["verify", "prune"] as const) {
        const { codes } = await act(action, { storage, source, day: 3, policy: POLICY });
        assert.ok(codes.every(isKnownCode), `${action}: ${codes.join(", ")}`);
      }
      const { status, codes, said } = await act("run", {
        storage,
        source,
        day: 3,
        policy: { ...POLICY, max_removals: 9 },
      });
      assert.equal(status, "ok", codes.join(", "));
      assert.ok(!said.join().includes(SECRET));
    }),
    { ...LIMITS, numRuns: Math.ceil(RUNS / 3) },
  );
});

test("a manifest that was made to leave its folder restores nothing outside, and is refused with a code", async () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      "../../etc/passwd",
      "/etc/passwd",
      "a/../../b",
      ".",
      "..",
      "",
      "a//b",
      "a\0b",
      "org/app/../../x.json",
    ),
    fc.string({ unit: "binary", maxLength: 30 }),
  );
  const manifest = JSON.parse(Buffer.from(store.get(`${FOLDER}manifest.json`) ?? []).toString());
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (path, id) => {
      const [first, ...others] = manifest.units;
      const unit = { ...first, id: id === "" ? first.id : id, artifacts: [{ ...first.artifacts[0], path }] };
      const text = JSON.stringify({ ...manifest, units: [unit, ...others] });
      const lines = [`${first.artifacts[0].sha256}  ${path}\n`, `${sha256(utf8(text))}  manifest.json\n`];
      await using opened = await inMemory.open(
        new Map([...store, [`${FOLDER}manifest.json`, utf8(text)], [`${FOLDER}SHA256SUMS`, utf8(lines.join(""))]]),
      );
      await using folder = await temporaryFolder();
      await mkdir(join(folder.path, "deep/target"), { recursive: true });
      await writeFile(join(folder.path, "deep/beside"), "untouched");
      const { backup } = aBackup({ storage: opened.storage, jobs: [aJob()], units: () => source.units(3) });
      const to = join(folder.path, "deep/target");
      try {
        await restore(backup, { job: "docs", snapshot: "2028-02-29T030000Z", to, force: false });
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
      }
      assert.deepEqual((await readdir(folder.path)).sort(), ["deep"]);
      assert.deepEqual((await readdir(join(folder.path, "deep"))).sort(), ["beside", "target"]);
    }),
    { ...LIMITS, numRuns: Math.ceil(RUNS / 3) },
  );
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as z from "zod";
import { SourceError } from "../../lib/errors.ts";
import { type Manifest, manifestSchema, parseDocument, verificationSchema } from "../../lib/manifest.ts";
import { runJobs } from "../../lib/run.ts";
import { totalsOf } from "../../lib/totals.ts";
import { aBackup, aJob, contentsOf } from "../support/a-backup.ts";
import { golden } from "../support/golden.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

/** Two runs that have everything a document can hold: ok, unchanged, failed with and without an artifact, skipped, warnings. */
async function documents(): Promise<ReadonlyMap<string, string>> {
  const units: readonly ScriptedUnit[] = [
    { id: "my-org/app", fingerprint: "f1", items: { "app.json": "one\n" } },
    { id: "my-org/empty", fails: () => new SourceError("SOURCE_EMPTY", "holds no refs") },
    { id: "my-org/gone", fails: () => new SourceError("SOURCE_NOT_FOUND", "https://host/my-org/gone answered 404") },
    {
      id: "/srv/data",
      items: { "files.tar": "two\n" },
      warnings: [{ code: "FILE_CHANGED", message: "./log changed as it was read" }],
      fails: () => new SourceError("SOURCE_INCOMPLETE", "1 of 3 entries could not be read: ./secret"),
    },
  ];
  const jobs = [aJob({ compression: { type: "none", level: 0 }, concurrency: 1 })];
  const a = aBackup({ units: () => units, jobs });
  const runs: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const { jobs: results } = await runJobs(a.backup, ["docs"]);
    runs.push(results[0]?.manifest?.run ?? "");
    a.later(86_400);
  }
  const constant = (text: string) => text.replaceAll(runs[0] ?? "", "01RUNONE").replaceAll(runs[1] ?? "", "01RUNTWO");
  return new Map([...(await contentsOf(a.storage))].map(([key, content]) => [key, constant(content.toString())]));
}

for (const name of ["manifest.json", "SHA256SUMS", ".run/plan.jsonl", ".run/units/3.json", "verified.json"]) {
  test(`the form of ${name} has not changed`, async () => {
    const content = (await documents()).get(`docs/2026-11-23/030000Z/${name}`);
    // Run ids are chance, so the digests that cover them are too.
    await golden(`documents/${name.replaceAll("/", "-").replace(/^\./, "")}`, withoutChance(content ?? ""));
  });
}

test("the totals of the manifest are those of its units, and every unit of the plan is in it", async () => {
  const all = await documents();
  const text = all.get("docs/2026-11-23/030000Z/manifest.json") ?? "";
  const manifest: Manifest = parseDocument(manifestSchema, "manifest.json", Buffer.from(text));
  assert.deepEqual(manifest.totals, totalsOf(manifest.units));
  const planned = (all.get("docs/2026-11-23/030000Z/.run/plan.jsonl") ?? "").trim().split("\n");
  assert.deepEqual(
    planned.map((line) => JSON.parse(line).id),
    manifest.units.map(({ id }) => id),
  );
});

test("the published JSON Schema of the manifest is that of the code", async () => {
  const published = await readFile(new URL("../../config/manifest.schema.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(published), JSON.parse(JSON.stringify(z.toJSONSchema(manifestSchema))));
});

test("a document of another form is refused with its key and the field that is wrong", () => {
  const refused = (text: string) => () => parseDocument(verificationSchema, "j/verified.json", Buffer.from(text));
  assert.throws(refused("{"), /j\/verified\.json is not JSON/);
  assert.throws(refused('{"schemaVersion": 2}'), /j\/verified\.json is of schemaVersion 2/);
  assert.throws(refused('{"schemaVersion": 1}'), /j\/verified\.json: job/);
  assert.throws(refused('"\xff'), /not JSON/);
});

function withoutChance(text: string): string {
  return text
    .replace(/("seal": ?)"[0-9a-f]{64}"/g, '$1"<of the rest>"')
    .replace(/("manifestSha256": )"[0-9a-f]{64}"/g, '$1"<of the manifest>"')
    .replace(/^[0-9a-f]{64}( {2}manifest\.json)$/m, "<of the manifest>$1");
}

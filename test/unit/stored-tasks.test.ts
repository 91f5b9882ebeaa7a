import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { concludeStep, splitStep, verifyPartStep } from "../../lib/function-verify.ts";
import { sealed } from "../../lib/seal.ts";
import { aBackup, contentsOf } from "../support/a-backup.ts";
import { resealed } from "../support/resealed.ts";
import { steppedRun } from "../support/stepped-run.ts";

const UNITS = 3;
const FOLDER = "docs/2026-11-22/030000Z/";
const TASKS = `${FOLDER}.run/verify/tasks.jsonl`;
const PART = `${FOLDER}.run/verify/1.json`;

/** A snapshot of which every part was verified, and nothing is concluded yet. */
async function verifiedInParts() {
  const a = aBackup({
    units: () => Array.from({ length: UNITS }, (_, n) => ({ id: `u${n}`, items: { "a.json": `${n}` } })),
  });
  const pointer = await steppedRun(a);
  await splitStep(a.backup, pointer);
  for (let n = 0; n < UNITS; n += 1) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  const text = async (key: string) => (await contentsOf(a.storage)).get(key)?.toString() ?? "";
  return {
    text,
    change: async (key: string, changed: (text: string) => string) => {
      const [before, after] = [await text(key), changed(await text(key))];
      assert.notEqual(after, before, `${key} is not changed`);
      await a.storage.put(key, bytesOf(after));
    },
    part: (n: number) => verifyPartStep(a.backup, pointer, { n, compute: "lambda" }),
    conclude: () => concludeStep(a.backup, pointer, 0),
  };
}

/** As if these lines had been stored, with a first line that is right for them. */
function storedSo(text: string, changed: (lines: string[]) => string[]): string {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const after = changed(lines);
  const body = after.map((line) => `${line}\n`).join("");
  const { seal: _, ...rest } = JSON.parse(head);
  const sha256 = createHash("sha256").update(body).digest("hex");
  return `${JSON.stringify(sealed({ ...rest, lines: after.length, sha256 }))}\n${body}`;
}

const withLines = (changed: (lines: string[]) => string[]) => (text: string) => changed(text.split("\n")).join("\n");

const TAMPERED: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
  "that is empty": [() => "", /tasks\.jsonl: it is empty/],
  "whose last line is missing": [
    withLines((lines) => lines.toSpliced(3, 1)),
    /tasks\.jsonl: it has 2 of the 3 lines that were written/,
  ],
  "of which only the first line is left": [
    withLines((lines) => lines.slice(0, 1)),
    /tasks\.jsonl: it has 0 of the 3 lines that were written/,
  ],
  "whose first line is missing": [withLines((lines) => lines.slice(1)), /tasks\.jsonl:1: lines: Invalid input/],
  "of two lines in another order": [
    withLines(([head = "", one = "", two = "", ...rest]) => [head, two, one, ...rest]),
    /tasks\.jsonl: its lines are not those that were written, or not in that order/,
  ],
  "of which one artifact is not to be read any more": [
    (text) => text.replace('"read":"prove"', '"read":"no"'),
    /tasks\.jsonl: its lines are not those that were written/,
  ],
  "whose first line speaks of less": [
    (text) => text.replace('"lines":3', '"lines":2'),
    /tasks\.jsonl:1: it is not what was written: its seal does not fit/,
  ],
  "whose first line has no seal": [
    (text) => text.replace(/,"seal":"\w+"/, ""),
    /tasks\.jsonl:1: seal: Invalid input: expected string/,
  ],
  "made without one of the artifacts": [
    (text) => storedSo(text, (lines) => lines.slice(0, 2)),
    /tasks\.jsonl: it does not say how to verify u2\/a/,
  ],
  "made with one artifact twice in place of another": [
    (text) => storedSo(text, ([one = "", ...rest]) => [one, one, ...rest.slice(1)]),
    /tasks\.jsonl: it does not say how to verify u1\/a/,
  ],
  "made with one artifact more": [
    (text) => storedSo(text, (lines) => [...lines, '{"path":"u3/a.json.zst","read":"prove","part":3}']),
    /tasks\.jsonl: it names u3\/a\.json\.zst, which the manifest does not/,
  ],
};

for (const [what, [changed, message]] of Object.entries(TAMPERED))
  test(`a list of tasks ${what} verifies nothing`, async () => {
    const { change, part, conclude, text } = await verifiedInParts();
    await change(TASKS, changed);
    await assert.rejects(conclude(), { name: "IntegrityError", code: "INTEGRITY_MANIFEST", message });
    await assert.rejects(part(0), { name: "IntegrityError", message });
    assert.equal(await text(`${FOLDER}verified.json`), "");
  });

test("a manifest that was rewritten after the tasks were made of it is not concluded, and none of its parts are done", async () => {
  const { change, part, conclude, text } = await verifiedInParts();
  const digest = async () =>
    createHash("sha256")
      .update(await text(`${FOLDER}manifest.json`))
      .digest("hex");
  const before = await digest();
  await change(`${FOLDER}manifest.json`, (manifest) => manifest.replace('"attempts": 1', '"attempts": 2'));
  const after = await digest();
  await change(`${FOLDER}SHA256SUMS`, (sums) => sums.replace(before, after));
  const message = /it was made from another manifest\.json than snapshot 2026-11-22T030000Z has now/;
  await assert.rejects(conclude(), { name: "IntegrityError", message });
  await assert.rejects(part(0), { name: "IntegrityError", message });
  assert.equal(await text(`${FOLDER}verified.json`), "");
});

const FORGED: Readonly<Record<string, readonly [(part: string, other: string) => string, RegExp]>> = {
  "that another part found": [(_, other) => other, /1\.json is not what part 1 of this verification found/],
  "of other tasks": [
    (part) => resealed(part, /"tasks": "\w+"/.exec(part)?.[0] ?? "", '"tasks": "0"'),
    /1\.json is not what part 1 of this verification found/,
  ],
  "without a seal": [(part) => part.replace(/,\s+"seal": "\w+"/, ""), /1\.json: seal: Invalid input: expected string/],
  "in which a failure became none": [
    (part) => part.replace('"checksum": "ok"', '"checksum": "inherited"'),
    /1\.json: it is not what was written: its seal does not fit/,
  ],
  "that found nothing": [
    (part) => resealed(part, "u1/a.json.zst", "u9/a.json.zst"),
    /no part of the verification names u1\/a/,
  ],
};

for (const [what, [changed, message]] of Object.entries(FORGED))
  test(`a record of a part ${what} is not taken for its own`, async () => {
    const { change, conclude, text } = await verifiedInParts();
    const other = await text(PART.replace("1.json", "0.json"));
    await change(PART, (part) => changed(part, other));
    await assert.rejects(conclude(), { name: "IntegrityError", code: "INTEGRITY_MANIFEST", message });
    assert.equal(await text(`${FOLDER}verified.json`), "");
  });

test("a part that the tasks do not have is refused", async () => {
  const { part } = await verifiedInParts();
  await assert.rejects(part(UNITS), { name: "IntegrityError", message: /030000Z has no part 3$/ });
});

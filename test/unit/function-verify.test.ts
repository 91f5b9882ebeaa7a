import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { endRun } from "../../lib/end-run.ts";
import { SourceError, StorageError, TransientError } from "../../lib/errors.ts";
import { concludeStep, splitStep, verifyPartStep, verifyStep } from "../../lib/function-verify.ts";
import { verifiedKey } from "../../lib/keys.ts";
import { type Verification, verificationSchema } from "../../lib/manifest.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { aBackup, contentsOf } from "../support/a-backup.ts";
import { steppedRun } from "../support/stepped-run.ts";

const ARTIFACTS = 7;
/** Seven artifacts are four parts then. */
const SMALL = { bytes: 1_000_000, artifacts: 2 };

/** A run as far as its manifest; with `again` a second one, of which a unit is new and the others are unchanged. */
async function aFinishedRun({ again = false } = {}) {
  let units = 6;
  const a = aBackup({
    units: () => Array.from({ length: units }, (_, n) => ({ id: `u${n}`, fingerprint: "f", items: itemsOf(n) })),
  });
  const itemsOf = (n: number) => (n === 0 ? { "a.json": "a", "b.json": "b" } : { "a.json": `${n}` });
  if (!again) return { a, pointer: await steppedRun(a) };
  const before = await steppedRun(a);
  await verifyStep(a.backup, before);
  await endRun(a.backup, { outcome: { job: "docs", status: "ok" }, pointer: before, removed: 0 });
  a.later(86_400);
  units += 1;
  return { a, pointer: await steppedRun(a) };
}

type Finished = Awaited<ReturnType<typeof aFinishedRun>>;

async function inParts({ a, pointer }: Finished, limits = SMALL) {
  const split = await verifyStep(a.backup, pointer, limits);
  assert.ok("parts" in split);
  const parts = linesOf(await stored(a, split.partsKey));
  assert.equal(parts.length, split.parts);
  for (const { n } of parts) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  return { parts, verified: await concludeStep(a.backup, pointer, 0) };
}

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { n: number; compute: string });

const stored = async ({ storage }: Finished["a"], key: string): Promise<string> =>
  (await contentsOf(storage)).get(key)?.toString() ?? "";

const verification = async ({ a, pointer }: Finished): Promise<Verification> =>
  verificationSchema.parse(JSON.parse(await stored(a, verifiedKey("docs", pointer.snapshot))));

for (const again of [false, true]) {
  test(`verified in parts ${again ? "a later run" : "a first run"} has the verified.json that one call makes`, async () => {
    const [whole, parted] = [await aFinishedRun({ again }), await aFinishedRun({ again })];
    const called = await verifyStep(whole.a.backup, whole.pointer);
    const { parts, verified } = await inParts(parted, again ? { ...SMALL, artifacts: 1 } : SMALL);
    assert.deepEqual(verified, called);
    // Each is proved with all that the manifest has of its unit beside it.
    for (const { a } of [whole, parted])
      assert.deepEqual(
        [...a.source.provedAmong].filter(([, among]) => among !== 1),
        [
          ["u0/a.json.zst", 2],
          ["u0/b.json.zst", 2],
        ],
      );
    // Of the later run the new artifact is read, and one of the seven others again.
    assert.equal(parts.length, again ? 2 : 4);
    const [one, other] = [await verification(whole), await verification(parted)];
    assert.equal(one.artifacts.length, ARTIFACTS + (again ? 1 : 0));
    const { parts: spent, ...rest } = other;
    assert.deepEqual({ ...rest, manifestSha256: "" }, { ...one, manifestSha256: "" });
    assert.deepEqual(spent, {
      lambda: { parts: parts.length, durationMs: 0 },
      fargate: { parts: 0, durationMs: 0 },
    });
  });
}

test("what is small is verified in one call, and leaves no parts", async () => {
  const { a, pointer } = await aFinishedRun();
  assert.deepEqual(await verifyStep(a.backup, pointer, { ...SMALL, artifacts: ARTIFACTS }), {
    verified: true,
    proved: ARTIFACTS,
  });
  assert.deepEqual(
    [...(await contentsOf(a.storage)).keys()].filter((key) => key.includes("/.run/verify/")),
    [],
  );
});

test("a wrong byte in one part is found, named, and fails the whole", async () => {
  const finished = await aFinishedRun();
  const key = `docs/2026-11-22/030000Z/u3/a.json.zst`;
  await finished.a.storage.put(key, bytesOf("another"));
  assert.deepEqual((await inParts(finished)).verified, { status: "failed", verified: false, proved: ARTIFACTS - 1 });
  const { ok, artifacts } = await verification(finished);
  assert.equal(ok, false);
  assert.deepEqual(
    artifacts.filter(({ checksum }) => checksum === "failed").map(({ path }) => path),
    ["u3/a.json.zst"],
  );
});

test("parts that were not done are begun again, those alone; after the last round what was not read is named", async () => {
  const { a, pointer } = await aFinishedRun();
  assert.deepEqual(await splitStep(a.backup, pointer), {
    partsKey: "docs/2026-11-22/030000Z/.run/verify/parts.jsonl",
    parts: ARTIFACTS,
  });
  for (const n of [0, 1, 2, 3, 5]) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  for (const [round, partsKey] of [
    "docs/2026-11-22/030000Z/.run/verify/parts.1.jsonl",
    "docs/2026-11-22/030000Z/.run/verify/parts.2.jsonl",
  ].entries()) {
    // Twice, as when its answer was lost.
    for (let time = 0; time < 2; time += 1)
      assert.deepEqual(await concludeStep(a.backup, pointer, round), { partsKey, parts: 2 });
    assert.deepEqual(linesOf(await stored(a, partsKey)), [
      { n: 4, compute: "lambda" },
      { n: 6, compute: "lambda" },
    ]);
  }
  await assert.rejects(concludeStep(a.backup, pointer, 2), {
    code: "VERIFY_LOST",
    message:
      "2 of 7 parts of the verification did not end, begun 3 times: of u3/a.json.zst, u5/a.json.zst nothing is known",
  });
  assert.equal(await stored(a, verifiedKey("docs", pointer.snapshot)), "");
  for (const n of [4, 6]) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  assert.deepEqual(await concludeStep(a.backup, pointer, 2), { verified: true, proved: ARTIFACTS });
});

test("what will not pass ends the verification at once by its own code, and what was lost is begun again", async () => {
  for (const [error, code] of [
    [new StorageError("STORAGE_UNAUTHORIZED", "S3 does not take the key"), "STORAGE_UNAUTHORIZED"],
    [new TransientError("STORAGE_FAILED", "S3 answers 503"), undefined],
  ] as const) {
    const { a, pointer } = await aFinishedRun();
    await splitStep(a.backup, pointer);
    const failing = new Proxy(a.storage, {
      get: (target, name, receiver) =>
        name === "get"
          ? async (key: string) => {
              if (key.includes("/u3/")) throw error;
              return target.get(key);
            }
          : Reflect.get(target, name, receiver),
    });
    const step = { ...a.backup, storage: async () => failing };
    for (let n = 0; n < ARTIFACTS; n += 1) {
      const done = verifyPartStep(step, pointer, { n, compute: "lambda" });
      await (n === 4 ? assert.rejects(done, error) : done);
    }
    const concluded = concludeStep(a.backup, pointer, 0);
    if (code === undefined)
      assert.deepEqual(await concluded, { partsKey: "docs/2026-11-22/030000Z/.run/verify/parts.1.jsonl", parts: 1 });
    else await assert.rejects(concluded, { code, message: error.message });
    // The right key is there again: what is found takes the place of the fault, and no fault that of what was found.
    await verifyPartStep(a.backup, pointer, { n: 4, compute: "lambda" });
    await assert.rejects(verifyPartStep(step, pointer, { n: 4, compute: "lambda" }));
    assert.deepEqual(await concludeStep(a.backup, pointer, 0), { verified: true, proved: ARTIFACTS });
  }
});

test("what a function is too small for is thrown so that a task gets it, and told by its own code when no machine did it", async () => {
  const { a, pointer } = await aFinishedRun();
  const full = new SourceError("SCRATCH_FULL", "no space is left in /tmp");
  const tooSmall = { name: "MachineError", code: "SCRATCH_FULL", message: full.message };
  a.source.state.provesFail = full;
  await assert.rejects(verifyStep(a.backup, pointer), tooSmall);
  await splitStep(a.backup, pointer);
  a.source.state.provesFail = false;
  for (let n = 1; n < ARTIFACTS; n += 1) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  for (const round of [0, 1, 2]) {
    a.source.state.provesFail = full;
    for (const compute of ["lambda", "fargate"] as const)
      await assert.rejects(verifyPartStep(a.backup, pointer, { n: 0, compute }), tooSmall);
    const concluded = concludeStep(a.backup, pointer, round);
    if (round === 2) await assert.rejects(concluded, { code: "SCRATCH_FULL", message: full.message });
    else
      assert.deepEqual(await concluded, {
        partsKey: `docs/2026-11-22/030000Z/.run/verify/parts.${round + 1}.jsonl`,
        parts: 1,
      });
  }
  assert.equal(await stored(a, verifiedKey("docs", pointer.snapshot)), "");
  a.source.state.provesFail = false;
  await verifyPartStep(a.backup, pointer, { n: 0, compute: "fargate" });
  assert.deepEqual(await concludeStep(a.backup, pointer, 0), { verified: true, proved: ARTIFACTS });
});

test("what a function was too small for hides nothing that the task found, nor why that went no further", async () => {
  for (const isDamaged of [true, false]) {
    const finished = await aFinishedRun();
    const { a, pointer } = finished;
    assert.ok("parts" in (await verifyStep(a.backup, pointer, SMALL)));
    a.source.state.provesFail = new SourceError("SCRATCH_FULL", "no space is left in /tmp");
    await assert.rejects(verifyPartStep(a.backup, pointer, { n: 0, compute: "lambda" }), { code: "SCRATCH_FULL" });
    a.source.state.provesFail = false;
    const folder = "docs/2026-11-22/030000Z/u0";
    if (isDamaged) await a.storage.put(`${folder}/a.json.zst`, bytesOf("another"));
    const unread = isDamaged
      ? new TransientError("STORAGE_FAILED", "S3 answers 503")
      : new StorageError("STORAGE_FORBIDDEN", "S3 lets nobody read this");
    const failing = new Proxy(a.storage, {
      get: (target, name, receiver) =>
        name === "get"
          ? async (key: string) => {
              if (key === `${folder}/b.json.zst`) throw unread;
              return target.get(key);
            }
          : Reflect.get(target, name, receiver),
    });
    const task = { ...a.backup, storage: async () => failing };
    await assert.rejects(verifyPartStep(task, pointer, { n: 0, compute: "fargate" }), unread);
    // A function that is called again knows less than that.
    a.source.state.provesFail = new SourceError("SCRATCH_FULL", "no space is left in /tmp");
    if (!isDamaged) await assert.rejects(verifyPartStep(a.backup, pointer, { n: 0, compute: "lambda" }));
    a.source.state.provesFail = false;
    for (const n of [1, 2, 3]) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
    const concluded = concludeStep(a.backup, pointer, 0);
    if (!isDamaged) {
      await assert.rejects(concluded, { code: "STORAGE_FORBIDDEN" });
      continue;
    }
    assert.deepEqual(await concluded, { status: "failed", verified: false, proved: ARTIFACTS - 2 });
    assert.deepEqual(
      (await verification(finished)).artifacts.flatMap(({ path, error }) => (error === undefined ? [] : [path])),
      ["u0/a.json.zst"],
    );
  }
});

test("what one part could not do does not hide that others were lost", async () => {
  const { a, pointer } = await aFinishedRun();
  await splitStep(a.backup, pointer);
  for (let n = 2; n < ARTIFACTS; n += 1) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  a.source.state.provesFail = new SourceError("SCRATCH_FULL", "no space is left in /tmp");
  await assert.rejects(verifyPartStep(a.backup, pointer, { n: 0, compute: "lambda" }));
  for (const round of [0, 1]) await concludeStep(a.backup, pointer, round);
  await assert.rejects(concludeStep(a.backup, pointer, 2), {
    code: "VERIFY_LOST",
    message: /^2 of 7 parts .* nothing is known; of one it was heard: SCRATCH_FULL: no space is left in \/tmp$/,
  });
});

test("what parts took is told by what did them, all together", async () => {
  const finished = await aFinishedRun();
  const { a, pointer } = finished;
  await splitStep(a.backup, pointer);
  for (let n = 0; n < ARTIFACTS; n += 1) {
    // Each looks at the clock when it begins, at its artifact and when it ends.
    let seconds = 0;
    const now = () => new Date(a.backup.now().getTime() + 1_000 * seconds++);
    await verifyPartStep({ ...a.backup, now }, pointer, { n, compute: n < 5 ? "lambda" : "fargate" });
  }
  await concludeStep(a.backup, pointer, 0);
  const { parts, durationMs } = await verification(finished);
  const each = (parts?.lambda.durationMs ?? 0) / 5;
  assert.ok(each >= 1_000, `${each} ms`);
  assert.deepEqual(parts, {
    lambda: { parts: 5, durationMs: 5 * each },
    fargate: { parts: 2, durationMs: 2 * each },
  });
  assert.equal(durationMs, 0);
});

test("a second try of splitting goes by what the first one stored", async () => {
  const { a, pointer } = await aFinishedRun();
  const first = await verifyStep(a.backup, pointer, SMALL);
  assert.deepEqual(await splitStep(a.backup, pointer), first);
});

test("a state machine that cannot read the storage finds the parts where plans are copied to", async () => {
  const { a, pointer } = await aFinishedRun();
  const copies = memoryStorage();
  const split = await verifyStep({ ...a.backup, planCopies: async () => copies }, pointer, SMALL);
  assert.ok("parts" in split);
  const again = await concludeStep({ ...a.backup, planCopies: async () => copies }, pointer, 0);
  assert.ok("parts" in again);
  for (const { partsKey } of [split, again]) {
    const text = await stored(a, partsKey);
    assert.notEqual(text, "");
    assert.equal((await contentsOf(copies)).get(partsKey)?.toString(), text);
  }
});

test("nothing is verified by who has lost the lease", async () => {
  const { a, pointer } = await aFinishedRun();
  await splitStep(a.backup, pointer);
  const other = { ...pointer, lease: "another" };
  for (const step of [
    () => verifyPartStep(a.backup, other, { n: 0, compute: "lambda" }),
    () => concludeStep(a.backup, other, 0),
  ])
    await assert.rejects(step(), { name: "LeaseLostError" });
});

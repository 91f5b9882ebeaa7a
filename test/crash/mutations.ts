import type { Invariant } from "./invariants.ts";
import type { Probe } from "./probe.ts";

/** A guard of the product taken out, and the part of the harness that must then say which promise is broken. */
export interface Mutation {
  readonly breaks: Invariant;
  readonly what: string;
  readonly changes: readonly Change[];
  readonly probe: Probe;
  /** CI takes it too, beside the first of each promise. */
  readonly always?: true;
}

/** `text` must be in the file exactly once: a guard that was moved or reworded needs this list to follow it. */
export interface Change {
  readonly file: string;
  readonly text: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    breaks: "object-whole",
    what: "an object is written under its final name",
    changes: [
      {
        file: "lib/storage/filesystem.ts",
        text: 'async (temporary) => ({\n        temporary,\n        file: await open(temporary, "wx", 0o600),',
        to: 'async (beside, temporary = key.endsWith(".lease") ? beside : pathOf(key)) => ({\n        temporary,\n        file: await open(temporary, "w", 0o600),',
      },
      {
        file: "lib/storage/filesystem.ts",
        text: ", temporary);\n      await onFile(`storing",
        to: ', temporary === join(base, key) ? temporary + "-" : temporary);\n      await onFile(`storing',
      },
    ],
    probe: { harness: "kills", scenario: "first run", only: "second half of a write .*org/app/" },
  },
  {
    breaks: "object-whole",
    what: "a source that breaks ends its stream like one that is through",
    changes: [
      { file: "lib/compression.ts", text: "    await fed;\n", to: "" },
      {
        file: "lib/compression.ts",
        text: "fed.catch((error: unknown) => transform.destroy(error instanceof Error ? error : new Error(String(error))));",
        to: "fed.catch(() => transform.end());",
      },
    ],
    probe: { harness: "steady" },
  },
  {
    breaks: "object-whole",
    what: "what was written is not read back and compared before it gets its name",
    changes: [{ file: "lib/storage/filesystem.ts", text: "    refuseOther(doing, stored, given);\n", to: "" }],
    probe: { harness: "flips", scenario: "first run", only: "^second half of a write .*/org/app/" },
  },
  {
    breaks: "manifest-last",
    what: "the list of digests is written after the manifest",
    changes: [
      {
        file: "lib/commit.ts",
        text: "    await putSums(backup, storage, pointer, sumsText(manifest, manifestSha256));\n    await backup.lease",
        to: "    await backup.lease",
      },
      {
        file: "lib/commit.ts",
        text: "        sweepable: true,\n      });\n      return manifest;",
        to: "        sweepable: true,\n      });\n      return finishedBefore(backup, storage, pointer);",
      },
    ],
    probe: { harness: "kills", scenario: "first run", only: "open docs/[^/]*/[^/]*/[(]temporary" },
  },
  {
    breaks: "manifest-last",
    what: "prune takes a manifest away after what it names",
    changes: [
      {
        file: "lib/prune.ts",
        text: "[[manifest], documents, ...batches(artifacts), ...batches(records)]",
        to: "[...batches(artifacts), ...batches(records), documents, [manifest]]",
      },
    ],
    probe: { harness: "kills", scenario: "prune of two", only: "unlink .*28/.*plan[.]jsonl" },
  },
  {
    breaks: "manifest-last",
    what: "what was stored is not looked for again before the manifest names it",
    changes: [{ file: "lib/finish.ts", text: "  await confirmStored(storage, pointer, units);\n", to: "" }],
    probe: { harness: "faults", scenario: "first run", only: "lost write at put .*big[.]tar" },
  },
  {
    breaks: "unit-accounted",
    what: "a unit without a record is left out",
    changes: [
      {
        file: "lib/finish.ts",
        text: 'units[line.n] = typeof record === "string" ? lost(line, record) : unitOfRecord(record);',
        to: 'if (typeof record !== "string") units.push(unitOfRecord(record));',
      },
      // Counted afterwards, it would be missed all the same.
      { file: "lib/finish.ts", text: "if (units.length !== planned.units)", to: "if (units.length > planned.units)" },
    ],
    probe: { harness: "faults", scenario: "first run", only: "lost write at put .*units/0" },
  },
  {
    breaks: "unit-accounted",
    what: "a plan that was read in part is taken for all of it",
    changes: [
      { file: "lib/finish.ts", text: "if (units.length !== planned.units)", to: "if (units.length > planned.units)" },
    ],
    probe: { harness: "faults", scenario: "first run", only: "short read at the end of a line at get .*plan[.]jsonl" },
  },
  {
    breaks: "unit-accounted",
    what: "a document that is not what was sealed is believed",
    changes: [{ file: "lib/seal.ts", text: "if (seal === sealOf(rest)) return;", to: "if (rest) return;" }],
    probe: {
      harness: "faults",
      scenario: "first run",
      only: "flipped bit at get .*plan[.]jsonl",
      atBytes: [40, 42, 44, 46, 48, 50, 52, 54],
    },
    always: true,
  },
  {
    breaks: "partial-honest",
    what: "what failed in part is ok",
    changes: [
      {
        file: "lib/totals.ts",
        text: 'return units.some((unit) => unit.status === "failed") ? "partial" : "ok";',
        to: 'return "ok";',
      },
    ],
    probe: { harness: "faults", scenario: "first run", only: "error at put .*big" },
  },
  {
    breaks: "ok-is-true",
    what: "what is read back is not compared",
    changes: [
      {
        file: "lib/artifact.ts",
        text: 'if (is.stored.sha256 !== artifact.sha256) throw mismatch(artifact, "has another SHA-256 than the manifest says");',
        to: "",
      },
      {
        file: "lib/artifact.ts",
        text: "if (is.plain.bytes !== artifact.sourceBytes || is.plain.sha256 !== artifact.sourceSha256) {",
        to: "if (artifact.bytes < 0) {",
      },
    ],
    probe: { harness: "faults", scenario: "first run", only: "flipped bit at put .*big[.]tar" },
  },
  {
    breaks: "ok-is-true",
    what: "a snapshot counts as good before it was read back",
    changes: [
      { file: "lib/run.ts", text: "  if (!verification.ok) {", to: "  if (verification.artifacts.length < 0) {" },
    ],
    probe: { harness: "faults", scenario: "first run", only: "flipped bit at put .*big[.]tar" },
  },
  {
    breaks: "spoken-of",
    what: "an artifact is stored before its record names it",
    changes: [{ file: "lib/attempt.ts", text: "speaks of.\n  await onPending([path]);\n", to: "speaks of.\n" }],
    probe: { harness: "kills", scenario: "first run", only: "sync .*/org/app" },
  },
  {
    breaks: "good-stays",
    what: "the newest good snapshot is like any other",
    changes: [
      { file: "lib/retention/retention.ts", text: 'if (index === 0) keep(one, "newest good snapshot");', to: "" },
      {
        file: "lib/retention/retention.ts",
        text: "if (last !== undefined && index < last) keep(one, `last",
        to: "if (last !== undefined && index > 0 && index < last) keep(one, `last",
      },
    ],
    probe: { harness: "faults", scenario: "prune of two", only: "503 slow down at head 1 " },
  },
  {
    breaks: "good-stays",
    what: "max_removals is not looked at",
    changes: [
      {
        file: "lib/retention/retention.ts",
        text: "if (removals <= limit) return plan;",
        to: "if (limit > 0) return plan;",
      },
    ],
    probe: { harness: "faults", scenario: "prune of too many", only: "503 slow down at head 1 " },
  },
  {
    breaks: "good-stays",
    what: "what no policy keeps is removed after a failed run too",
    changes: [
      {
        file: "lib/retention/retention.ts",
        text: 'if (newest?.status !== "failed") return undefined;',
        to: "if (past.length > 0) return undefined;",
      },
    ],
    probe: { harness: "faults", scenario: "prune after a failed run", only: "503 slow down at head 1 " },
    always: true,
  },
  {
    breaks: "good-stays",
    what: "a snapshot counts as good that was never verified",
    changes: [
      {
        file: "lib/retention/retention.ts",
        text: 'good: state.status === "ok" && state.verified }',
        to: 'good: state.status === "ok" }',
      },
    ],
    probe: { harness: "faults", scenario: "prune after an unverified run", only: "503 slow down at head 1 " },
    always: true,
  },
  {
    breaks: "no-secret",
    what: "log lines are not redacted",
    changes: [
      { file: "lib/log.ts", text: "options.write(options.redaction.redact(text));", to: "options.write(text);" },
    ],
    probe: { harness: "faults", scenario: "first run", only: "timeout at put .*big[.]tar" },
  },
  {
    breaks: "no-secret",
    what: "messages of errors are not redacted",
    changes: [
      {
        file: "lib/errors.ts",
        text: "message: redact(error.message),",
        to: "message: error.message,",
      },
    ],
    probe: { harness: "steady" },
  },
  {
    breaks: "typed-error",
    what: "what a parser says of a damaged document is passed on",
    changes: [
      {
        file: "lib/manifest.ts",
        text: " is not JSON`, { cause: error });",
        to: " is not JSON`) && error;",
      },
    ],
    probe: { harness: "faults", scenario: "daily run", only: "flipped bit at get" },
  },
  {
    breaks: "next-run-succeeds",
    what: "the lease of a killed process is not known to be nobody's",
    changes: [
      {
        file: "lib/lease/acquire-lease.ts",
        text: 'if (found.document !== undefined && holderIsGone(found.document)) return "its process has ended";',
        to: "",
      },
    ],
    probe: { harness: "kills", scenario: "first run", only: "SHA256SUMS" },
  },
  {
    breaks: "fenced",
    what: "who takes a job over leaves what others have in the making",
    changes: [
      { file: "lib/storage/store-walk.ts", text: ": isOwned || ownerIsGone(name));", to: ": ownerIsGone(name));" },
    ],
    probe: { harness: "suspends", scenario: "first run", only: "^(rename|link) .*(dump|manifest)" },
  },
  {
    breaks: "fenced",
    what: "a process that was stopped trusts its lease when it goes on",
    changes: [
      {
        file: "lib/lease/lease.ts",
        text: "return writtenAt !== undefined && since(writtenAt, context) < LEASE_MS - MARGIN_MS;",
        to: "return writtenAt !== undefined;",
      },
    ],
    probe: { harness: "suspends", scenario: "first run", only: "^open .*db/[(]temp" },
  },
  {
    breaks: "fenced",
    what: "who stores does not ask for the lease at the end of a body",
    changes: [
      {
        file: "lib/bytes.ts",
        text: "if (piece.done === true) await check();",
        to: "",
      },
    ],
    probe: { harness: "suspends", scenario: "first run", only: "^open .*db/[(]temp" },
  },
  {
    breaks: "fenced",
    what: "a plan is stored in one request, which nobody can abandon who takes the job over",
    changes: [
      {
        file: "lib/plan.ts",
        text: "lines(counted), { ifAbsent: true, sweepable: true }",
        to: "lines(counted), { ifAbsent: true }",
      },
    ],
    probe: { harness: "suspends", scenario: "first run", only: "^before .*plan[.]jsonl([?]uploadId)?$", on: "S3" },
    always: true,
  },
  {
    breaks: "fenced",
    what: "what replaces an object on S3 does not say which one",
    changes: [
      {
        file: "lib/storage/s3/publish.ts",
        text: "return ifMatch === undefined ? {} : { IfMatch: ifMatch };",
        to: "return {};",
      },
    ],
    probe: { harness: "suspends", scenario: "first run", only: "^before PUT .*[.]lease$", on: "S3" },
  },
  {
    breaks: "one-key",
    what: "a run is made with another names_key",
    changes: [
      {
        file: "lib/plan.ts",
        text: "  await refuseOtherKey(storage, job.name, backup.now());\n  return withConnector",
        to: "  return withConnector",
      },
    ],
    probe: {
      harness: "tests",
      file: "test/unit/encryption/veil.test.ts",
      title: "with another key, or none, a run is refused with nothing written",
      shows: "one-key",
    },
  },
  {
    breaks: "ok-is-true",
    what: "what somebody else found meanwhile is replaced by who verified without finding it",
    changes: [
      {
        file: "lib/record-verification.ts",
        text: "    if (isNew && !there.ok && verification.ok) return there;\n",
        to: "",
      },
    ],
    probe: {
      harness: "tests",
      file: "test/unit/verify.test.ts",
      title: "two that verify at the same time",
      shows: "ok-is-true",
    },
  },
  {
    breaks: "good-stays",
    what: "who verifies does not look whether its snapshot is still there",
    changes: [
      {
        file: "lib/record-verification.ts",
        text: "if ((await storage.head(manifestKey(job, snapshot))) === undefined)",
        to: "if (attempt > ATTEMPTS)",
      },
    ],
    probe: {
      harness: "tests",
      file: "test/unit/verify.test.ts",
      title: "a snapshot that is removed while it is verified",
      shows: "good-stays",
    },
  },
  {
    breaks: "fenced",
    what: "a list of open uploads that goes on where it was is taken for one that is through",
    changes: [
      {
        file: "lib/storage/s3/sweep.ts",
        text: "if (owned === undefined) return warnOf(store, brokenOff(store));\n      throw brokenOff(store);",
        to: "return warnOf(store, brokenOff(store));",
      },
    ],
    probe: {
      harness: "tests",
      file: "test/integration/s3-refusals.test.ts",
      title: "a store that does not list unfinished uploads, or breaks off",
      shows: "fenced",
      on: "S3",
    },
  },
  {
    breaks: "not-again",
    what: "a unit that ended is begun anew by who takes the run up",
    changes: [
      {
        file: "lib/collect.ts",
        text: 'if (before !== undefined && before.status !== "running" && before.status !== "failed") {',
        to: 'if (before?.status === "skipped") {',
      },
    ],
    probe: { harness: "kills", scenario: "first run", only: "link .*SHA256SUMS" },
  },
  {
    breaks: "next-run-succeeds",
    what: "who takes a run up does not expect what the killed process had stored of a unit",
    changes: [{ file: "lib/attempt.ts", text: " && !progress.begunBefore", to: "" }],
    probe: { harness: "kills", scenario: "first run", only: "link .*org/app/two" },
  },
  {
    breaks: "no-leftovers",
    what: "what killed writers left is not swept",
    changes: [
      {
        file: "lib/storage/prepare-base.ts",
        text: 'for await (const folder of sweepAbandoned(base, { nowMs, owned }))\n    await folders.removeEmpty(folder.replace(/\\/$/, ""));',
        to: "",
      },
    ],
    probe: { harness: "kills", scenario: "first run", only: "sync .*units/[(]temporary" },
  },
  {
    breaks: "restores-without-us",
    what: "the manifest names another program than the one that made the artifact",
    changes: [{ file: "lib/compression.ts", text: 'zstd: "zstd -d"', to: 'zstd: "gunzip -k"' }],
    probe: { harness: "steady" },
  },
  {
    breaks: "memory-bounded",
    what: "a stream is gathered before it is stored",
    changes: [
      {
        file: "lib/artifact.ts",
        text: "const compressed = compress(plain.bytes, compression);",
        to: "const whole = await Array.fromAsync(plain.bytes, (chunk) => chunk.slice());\n  const compressed = compress((async function* () { yield* whole; })(), compression);",
      },
    ],
    probe: { harness: "steady" },
  },
];

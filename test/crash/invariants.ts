import { zstdDecompressSync } from "node:zlib";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { retentionModel } from "../support/retention-model.ts";
import { openedAge } from "./age.ts";
import {
  type ArtifactSeen,
  type ManifestSeen,
  readStore,
  type SnapshotSeen,
  sha256,
  TEMPORARY,
  type UnitSeen,
} from "./documents.ts";
import type { Image } from "./image.ts";
import { readContent, type Source } from "./source.ts";

/**
 * What must hold of a store at every moment, whatever was killed or failed: the promises of ARCHITECTURE.md ("What always
 * holds") as somebody sees them who has the store and nothing else. Each has a mutation in mutations.ts that breaks it.
 */
export const INVARIANTS = {
  "object-whole": "an object lies under its name whole or not at all",
  "manifest-last": "a manifest names only what is there, byte for byte, and SHA256SUMS agrees with it",
  "unit-accounted": "every unit of the plan is in the manifest, once",
  "partial-honest": "the manifest's status is that of its units, and every failed unit says why",
  "ok-is-true": "what is reported as ok is stored, whole and verified",
  "spoken-of": "no object lies there of which neither a manifest nor a record speaks",
  "good-stays": "the newest good snapshot is never removed, and nothing that the policy keeps",
  "no-secret": "a secret is in no object, log line or result",
  "typed-error": "a failure has a code of the list, and never INTERNAL",
  "next-run-succeeds": "the next run succeeds with no hand on it",
  "no-leftovers": "what was left half-done is cleared away by the runs that follow",
  fenced:
    "a process that was stopped until another one took its job over changes nothing any more, and does not call itself successful",
  "not-again": "what had ended before the kill is not collected again when the run is taken up",
  "one-key": "no snapshot is made under another names_key than the one before it",
  "restores-without-us": "sha256sum and the manifest's own restore commands bring back what was there",
  "memory-bounded": "a stream is never held as a whole",
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly detail: string;
}

export const violation = (invariant: Invariant, detail: string): Violation => ({ invariant, detail });

/** What is wrong with a store. `damaged` are keys whose bytes the harness itself has changed: those may be wrong. */
export function storeViolations(image: Image, source: Source, damaged: ReadonlySet<string> = new Set()): Violation[] {
  const { snapshots, strangers } = readStore(image);
  return [
    ...strangers.map((key) => violation("spoken-of", `${key} is in no snapshot's folder`)),
    ...snapshots.flatMap((seen) => snapshotViolations(seen, source, damaged)),
  ];
}

function snapshotViolations(seen: SnapshotSeen, source: Source, damaged: ReadonlySet<string>): Violation[] {
  const found: Violation[] = [];
  for (const key of seen.unreadable) {
    if (!damaged.has(key)) found.push(violation("object-whole", `${key} does not parse`));
  }
  for (const [path, content] of seen.artifacts) {
    if (damaged.has(seen.prefix + path)) continue;
    const plain = plainOf(path, content);
    if (plain === undefined || readContent(plain) === undefined) {
      found.push(violation("object-whole", `${seen.prefix}${path} is not what any source gave`));
    }
  }
  found.push(...spokenOf(seen, damaged));
  const isJudged = seen.manifest !== undefined && !damaged.has(`${seen.prefix}manifest.json`);
  if (isJudged && seen.manifest !== undefined) found.push(...manifestViolations(seen, seen.manifest, source, damaged));
  return found;
}

function spokenOf(seen: SnapshotSeen, damaged: ReadonlySet<string>): Violation[] {
  if ([...damaged].some((key) => key.startsWith(`${seen.prefix}.run/units/`))) return [];
  const units = [...(seen.manifest?.units ?? []), ...seen.records];
  const named = new Set(units.flatMap(({ artifacts }) => artifacts.map(({ path }) => path)));
  const pending = seen.records.flatMap((record) => record.pending ?? []);
  for (const path of pending) named.add(path);
  const folders = pending.filter((path) => path.endsWith("/"));
  return [...seen.artifacts.keys()]
    .filter((path) => !named.has(path) && !folders.some((folder) => path.startsWith(folder)))
    .map((path) => violation("spoken-of", `nothing speaks of ${seen.prefix}${path}`));
}

function manifestViolations(
  seen: SnapshotSeen,
  manifest: ManifestSeen,
  source: Source,
  damaged: ReadonlySet<string>,
): Violation[] {
  const found: Violation[] = [];
  const at = seen.prefix;
  const artifacts = manifest.units.flatMap((unit) => unit.artifacts);
  for (const { path, bytes, sha256: digest } of artifacts) {
    if (damaged.has(at + path)) continue;
    const content = seen.artifacts.get(path);
    if (content === undefined) found.push(violation("manifest-last", `${at}${path} is named and not there`));
    else if (content.byteLength !== bytes || sha256(content) !== digest)
      found.push(violation("manifest-last", `${at}${path} has other bytes than its manifest says`));
    if (!damaged.has(`${at}SHA256SUMS`) && seen.sums?.get(path) !== digest)
      found.push(violation("manifest-last", `${at}SHA256SUMS says otherwise of ${path}`));
  }
  if (manifest.snapshot !== seen.snapshot)
    found.push(violation("manifest-last", `${at}manifest.json is of ${manifest.snapshot}`));
  found.push(...accounted(seen, manifest, damaged));
  const failed = manifest.units.some(({ status }) => status === "failed");
  const status = artifacts.length === 0 ? "failed" : failed ? "partial" : "ok";
  if (manifest.status !== status)
    found.push(violation("partial-honest", `${at} says ${manifest.status} and its units make it ${status}`));
  for (const unit of manifest.units) found.push(...unitViolations(at, unit, seen, source, damaged));
  return found;
}

function accounted(seen: SnapshotSeen, manifest: ManifestSeen, damaged: ReadonlySet<string>): Violation[] {
  // A killed prune takes the plan away after the manifest, never before it.
  if (damaged.has(`${seen.prefix}.run/plan.jsonl`)) return [];
  const planned = (seen.plan ?? []).map(({ id }) => id).sort();
  const listed = manifest.units.map(({ id }) => id).sort();
  if (planned.join("\n") === listed.join("\n")) return [];
  return [violation("unit-accounted", `${seen.prefix} planned ${planned.join(", ")} and lists ${listed.join(", ")}`)];
}

function unitViolations(
  at: string,
  unit: UnitSeen,
  seen: SnapshotSeen,
  source: Source,
  damaged: ReadonlySet<string>,
): Violation[] {
  if (unit.status === "failed" || unit.status === "skipped") {
    return unit.error === undefined
      ? [violation("partial-honest", `${at}: ${unit.id} ${unit.status} without why`)]
      : [];
  }
  const wanted = source.names.get(unit.id) ?? [];
  const contents = unit.artifacts.map((artifact) => contentOfArtifact(seen, artifact));
  const isDamaged = unit.artifacts.some(({ path }) => damaged.has(at + path));
  if (isDamaged) return [];
  const names = contents.map((content) => (content?.unit === unit.id ? content.name : "?")).sort();
  const versions = new Set(contents.map((content) => content?.version));
  if (names.join() === [...wanted].sort().join() && versions.size === 1) return [];
  return [violation("ok-is-true", `${at}: ${unit.id} is ${unit.status} with ${names.join(", ")} of ${[...versions]}`)];
}

function contentOfArtifact(seen: SnapshotSeen, { path }: ArtifactSeen) {
  const content = seen.artifacts.get(path);
  const plain = content === undefined ? undefined : plainOf(path, content);
  return plain === undefined ? undefined : readContent(plain);
}

/** By the name's ending, as a person does it. */
function plainOf(path: string, content: Uint8Array): Uint8Array | undefined {
  if (path.endsWith(".age")) {
    const opened = openedAge(content);
    return opened === undefined ? undefined : plainOf(path.slice(0, -".age".length), opened);
  }
  if (!path.endsWith(".zst")) return content;
  try {
    return zstdDecompressSync(content);
  } catch {
    return undefined;
  }
}

export interface Change {
  readonly before: Image;
  readonly after: Image;
  readonly policy: RetentionPolicy;
  readonly now: Date;
  /** False when what ran was not to remove anything. */
  readonly mayPrune: boolean;
  /** True when bytes were changed behind the product's back: it may then know of more that is not good than is seen here. */
  readonly doubtful: boolean;
}

/** What went away between two moments and should not have. */
export function removalViolations({ before, after, policy, now, mayPrune, doubtful }: Change): Violation[] {
  const were = readStore(before).snapshots.filter(({ hasManifest }) => hasManifest);
  const are = new Map(readStore(after).snapshots.map((seen) => [seen.snapshot, seen]));
  const gone = were.filter(({ snapshot }) => are.get(snapshot)?.hasManifest !== true).map(({ snapshot }) => snapshot);
  if (gone.length === 0) return [];
  const found = (why: string) => [violation("good-stays", `${gone.join(", ")} gone: ${why}`)];
  if (!mayPrune) return found("nothing was to be removed");
  const all = new Map([...were.map((seen) => [seen.snapshot, seen] as const), ...are]);
  for (const seen of were) all.set(seen.snapshot, seen);
  const past = [...all.values()].filter(({ hasManifest }) => hasManifest);
  const newestGood = past.filter(({ good }) => good).at(-1)?.snapshot;
  if (newestGood !== undefined && gone.includes(newestGood)) return found("the newest good one is among them");
  if (gone.length > policy.max_removals) return found(`more than ${policy.max_removals} at once`);
  if (doubtful) return [];
  const states = past.map(({ snapshot, manifest, good }) => ({ snapshot, status: statusOf(manifest), verified: good }));
  const kept = retentionModel({ states, policy, now, zone: "UTC" });
  const wrong = gone.filter((snapshot) => kept.has(snapshot));
  return wrong.length === 0 ? [] : found(`the policy keeps ${wrong.join(", ")}`);
}

function statusOf(manifest: ManifestSeen | undefined): "ok" | "partial" | "failed" {
  return manifest?.status === "ok" || manifest?.status === "partial" ? manifest.status : "failed";
}

/** One of a killed process stays until what it was to replace is replaced, or for a day by the clock of the storage, which nobody turns here. */
const LOCK = /\.core-backup-tmp-lock-[^/]+$/;

/** A run sweeps what is in the making before it begins, wherever it lies, and leaves none of its own. */
export function temporaryViolations(image: Image): Violation[] {
  const found = [...image.keys()].filter((key) => TEMPORARY.test(key) && !LOCK.test(key));
  return found.map((key) => violation("no-leftovers", `${key} is still there after a whole run`));
}

const ENDED = new Set(["ok", "unchanged", "skipped"]);

/**
 * What a run collected although an unfinished one had a whole plan and, of that unit, a record that ended. `opened` is
 * `unit/artifact` for each time that the source was read.
 */
export function collectedAgain(killed: Image, opened: readonly string[]): Violation[] {
  return endedUnits(killed).flatMap((id) => {
    const again = opened.filter((one) => one.startsWith(`${id}/`));
    return again.length === 0 ? [] : [violation("not-again", `${again.join(", ")} was collected again`)];
  });
}

/** Units that the next run need not collect: those that ended in the newest run, if that has a whole plan and no manifest. */
export function endedUnits(killed: Image): readonly string[] {
  const newest = readStore(killed).snapshots.at(-1);
  if (newest === undefined || newest.hasManifest || !killed.has(`${newest.prefix}.run/run.json`)) return [];
  return newest.records.filter(({ status }) => ENDED.has(status)).map(({ id }) => id);
}

/** A secret that the run knew, in the store or in anything it said. */
export function secretViolations(secret: string, image: Image, said: readonly string[]): Violation[] {
  const found = [...image].filter(([key, content]) => key.includes(secret) || Buffer.from(content).includes(secret));
  return [
    ...found.map(([key]) => violation("no-secret", `the secret is in ${key}`)),
    ...said
      .filter((line) => line.includes(secret))
      .map((line) => violation("no-secret", line.replaceAll(secret, "<secret>"))),
  ];
}

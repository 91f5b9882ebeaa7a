import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Bytes, measureAll } from "../../lib/bytes.ts";
import { SourceError } from "../../lib/errors.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { temporaryFolder } from "../support/stores.ts";
import { readStore } from "./documents.ts";
import { secretViolations, type Violation, violation } from "./invariants.ts";
import { readContent, type Source, sourceOf } from "./source.ts";
import { onFilesystem, writeImage } from "./stores.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act, POLICY, SECRET } from "./world.ts";

const MiB = 1024 * 1024;
/** What may be under way at once between a source and a storage: some pieces of a mebibyte each. */
const MOST_HELD = 16 * MiB;

/** What needs no kill and no fault to be seen. */
export async function steadily(): Promise<Tally> {
  const tally = newTally();
  note(tally, "steady, restore with foreign programs", await foreignRestore());
  note(tally, "steady, a stream of 64 MiB", await boundedMemory());
  note(tally, "steady, sources that break", await brokenSources());
  tally.runs += 4;
  return tally;
}

/** In a copy of the store, with `sh`, `sha256sum` and what the manifest names. */
async function foreignRestore(): Promise<Violation[]> {
  const source = sourceOf({ bigBytes: 100_000 });
  await using store = await onFilesystem.open(new Map());
  await act("run", { storage: store.storage, source, day: 0, policy: POLICY });
  const image = await store.image();
  await using folder = await temporaryFolder();
  await writeImage(folder.path, image);
  const found: Violation[] = [];
  let restored = 0;
  for (const seen of readStore(image).snapshots) {
    const cwd = join(folder.path, seen.prefix);
    try {
      execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd, stdio: "pipe" });
      for (const { path, restore } of seen.manifest?.units.flatMap(({ artifacts }) => artifacts) ?? []) {
        const plain = execFileSync("sh", ["-c", restore], { cwd: join(cwd, path, ".."), stdio: "pipe" });
        const content = readContent(plain);
        if (content === undefined || !path.startsWith(`${content.unit}/${content.name}`))
          found.push(violation("restores-without-us", `${restore} does not give ${path}`));
        restored += 1;
      }
    } catch (error) {
      found.push(violation("restores-without-us", String(error)));
    }
  }
  if (restored !== [...source.names.values()].flat().length)
    found.push(violation("restores-without-us", `${restored} artifacts were restored`));
  return found;
}

/** A storage that reads its bodies slowly, and a source that tells how far ahead of it it was asked to go. */
async function boundedMemory(): Promise<Violation[]> {
  const total = 64 * MiB;
  const state = { given: 0, taken: 0, most: 0 };
  await using store = await onFilesystem.open(new Map());
  const storage: Storage = {
    ...store.storage,
    put: (key, body, options) =>
      key.endsWith(".tar") ? swallow(key, body, state) : store.storage.put(key, body, options),
  };
  const source: Source = {
    names: new Map(),
    units: () => [{ id: "large", compress: false, items: { "large.tar": () => zeros(total, state) } }],
  };
  await act("run", { storage, source, day: 0, policy: POLICY });
  if (state.given !== total) return [violation("memory-bounded", `only ${state.given} bytes were asked for`)];
  if (state.most <= MOST_HELD) return [];
  return [violation("memory-bounded", `${state.most} bytes were read from the source and not yet stored`)];
}

interface Flow {
  given: number;
  taken: number;
  most: number;
}

async function* zeros(total: number, state: Flow): Bytes {
  const piece = new Uint8Array(MiB / 4);
  while (state.given < total) {
    state.given += piece.byteLength;
    state.most = Math.max(state.most, state.given - state.taken);
    yield piece;
  }
}

async function swallow(key: string, body: Bytes, state: Flow) {
  async function* slowly(): Bytes {
    for await (const chunk of body) {
      await new Promise((resolve) => setImmediate(resolve));
      state.taken += chunk.byteLength;
      yield chunk;
    }
  }
  return { key, version: "1", ...(await measureAll(slowly())) };
}

/** A program that dies after output, a unit that fails for good: told with a code, and the secret in its words taken out. */
async function brokenSources(): Promise<Violation[]> {
  const dies = () =>
    new SourceError("SOURCE_FAILED", `dump of mongodb://user:${SECRET}@localhost ended with exit code 1`);
  const found: Violation[] = [];
  for (const [what, broken] of [
    ["db", sourceOf({ bigBytes: 1_000, breaks: dies })],
    ["org/app", sourceOf({ bigBytes: 1_000, fails: dies })],
  ] as const) {
    await using store = await onFilesystem.open(new Map());
    const outcome = await act("run", { storage: store.storage, source: broken, day: 0, policy: POLICY });
    const image = await store.image();
    const [seen] = readStore(image).snapshots;
    const unit = seen?.manifest?.units.find(({ id }) => id === what);
    if (outcome.status !== "partial" || seen?.manifest?.status !== "partial")
      found.push(violation("partial-honest", `${what} broke and the run is ${outcome.status}`));
    if (unit?.error?.code !== "SOURCE_FAILED") found.push(violation("typed-error", `${what}: ${unit?.error?.code}`));
    const half = [...(seen?.artifacts ?? [])].filter(([path]) => path.startsWith("db/dump"));
    if (what === "db" && half.length > 0)
      found.push(violation("object-whole", `half of a source is stored as ${half[0]?.[0]}`));
    found.push(...secretViolations(SECRET, image, outcome.said));
  }
  return found;
}

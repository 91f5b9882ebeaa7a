import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Bytes, readAll } from "../../lib/bytes.ts";
import type {
  CollectContext,
  Connector,
  ConnectorKind,
  Facts,
  Item,
  ProvenArtifact,
  Unit,
  Warning,
} from "../../lib/connectors/connector.ts";
import { IntegrityError, SourceError } from "../../lib/errors.ts";
import type { SecretResolver } from "../../lib/secrets/secrets.ts";
import { failingAfter, oddPieces } from "../support/bytes.ts";

/** One source, made anew for each test. Its first unit must give at least 1 MiB that does not compress. */
export interface ConnectorSubject extends AsyncDisposable {
  /** As they stand in a configuration. */
  readonly options: unknown;
  /** Takes the source away for good, after its units were listed. */
  vanish(): Promise<void>;
  /** Compares what `restore` made of one item of one unit with the source. `paths` is what it answered. */
  assertRestored(unit: Unit, item: Item, folder: string, paths: readonly string[]): Promise<void>;
}

export interface ConnectorHarness<Options> {
  readonly kind: ConnectorKind<Options>;
  make(): Promise<ConnectorSubject>;
  /** False when two readings of one source may differ in bytes (packs do). Their facts never may. */
  readonly sameBytes: boolean;
  /** What every reference to a secret gives. Left out where the source needs none. */
  readonly secret?: string;
  /** The byte whose lowest bit is turned: one that the format itself guards. Default: the middle one. */
  readonly flipAt?: (bytes: Uint8Array) => number;
  /** Options for a source that accepts us and then never answers. Left out where there is no such thing. */
  readonly silent?: () => Promise<AsyncDisposable & { readonly options: unknown }>;
}

const LIMIT = 256 * 1024 * 1024;
const noSecrets: SecretResolver = {
  async resolve(reference) {
    if (reference.from === "literal") return reference.value;
    throw new Error("no secret was configured");
  },
};
const noRedaction = { add: () => {}, redact: (text: string) => text };

/** What every connector promises (lib/connectors/connector.ts). */
export function connectorContract<Options>(name: string, harness: ConnectorHarness<Options>): void {
  function promise(title: string, body: (subject: ConnectorSubject, connector: Connector) => Promise<void>): void {
    test(title, async () => {
      await using subject = await harness.make();
      const connector = await connect(harness, subject.options);
      // The source may lie among the temporary files too, so ours are watched in a folder of their own.
      await using _ = await watchedLeftovers();
      try {
        await connector.prepare(never());
        await body(subject, connector);
      } finally {
        await connector.cleanup();
      }
    });
  }

  describe(`${name} keeps the connector contract`, () => {
    promise("an unknown option is refused", async (subject) => {
      const wrong = { ...Object(subject.options), no_such_option: true };
      assert.equal(harness.kind.options.safeParse(wrong).success, false);
    });

    promise("units have ids of their own, and a second listing gives the same", async (_, connector) => {
      const first = await Array.fromAsync(connector.units(never()));
      assert.ok(first.length > 0);
      assert.equal(new Set(first.map(({ id }) => id)).size, first.length);
      assert.deepEqual(await Array.fromAsync(connector.units(never())), first);
    });

    promise("a unit is plain JSON, and one that went through JSON is collected alike", async (_, connector) => {
      const unit = await firstUnit(connector);
      const travelled: Unit = JSON.parse(JSON.stringify(unit));
      assert.deepEqual(travelled, unit);
      assert.deepEqual(
        (await collectAll(connector, travelled)).map(({ item }) => item.name),
        (await collectAll(connector, unit)).map(({ item }) => item.name),
      );
    });

    promise("a listing ends with the signal's reason", async (_, connector) => {
      const reason = new Error("told to stop");
      await assert.rejects(Array.fromAsync(connector.units(AbortSignal.abort(reason))), (error) => error === reason);
    });

    promise("an item can be opened twice, and is equivalent both times", async (_, connector) => {
      for await (const item of connector.collect(await firstUnit(connector), context())) {
        const first = await readAll(item.open(), LIMIT);
        const facts = item.facts?.();
        const second = await readAll(item.open(), LIMIT);
        assert.ok(first.byteLength > 0);
        assert.deepEqual(item.facts?.(), facts);
        if (harness.sameBytes) assert.ok(Buffer.from(first).equals(second), "the second reading gave other bytes");
      }
    });

    promise("facts are had after the last byte and not before", async (_, connector) => {
      for await (const item of connector.collect(await firstUnit(connector), context())) {
        if (item.facts === undefined) continue;
        assert.throws(() => item.facts?.());
        for await (const chunk of item.open()) {
          assert.ok(chunk.byteLength >= 0);
          assert.throws(() => item.facts?.());
        }
        assert.ok(Object.keys(item.facts() ?? {}).length > 0);
      }
    });

    promise("a reading that is stopped early releases the source", async (_, connector) => {
      for await (const item of connector.collect(await firstUnit(connector), context())) {
        for await (const _chunk of item.open()) break;
        assert.deepEqual(await childProcesses(), []);
      }
    });

    promise("collecting that is stopped early releases the source", async (_, connector) => {
      for await (const _item of connector.collect(await firstUnit(connector), context())) break;
      assert.deepEqual(await childProcesses(), []);
    });

    promise("a signal that was aborted before ends collecting with its reason", async (_, connector) => {
      const reason = new Error("told to stop");
      const unit = await firstUnit(connector);
      await assert.rejects(
        collectAll(connector, unit, context(AbortSignal.abort(reason))),
        (error) => error === reason,
      );
    });

    promise("a signal that is aborted half-way ends the stream with its reason", async (_, connector) => {
      const reason = new Error("told to stop");
      const stop = new AbortController();
      const reading = async () => {
        for await (const item of connector.collect(await firstUnit(connector), context(stop.signal))) {
          for await (const _chunk of item.open()) stop.abort(reason);
        }
      };
      await assert.rejects(reading(), (error) => error === reason);
      assert.deepEqual(await childProcesses(), []);
    });

    promise("a source that vanished after its listing fails with a SourceError", async (subject, connector) => {
      const unit = await firstUnit(connector);
      await subject.vanish();
      await assert.rejects(collectAll(connector, unit), SourceError);
    });

    for (const full of [false, true]) {
      const how = full ? "full proof" : "proof";
      promise(`${how} accepts what was collected, in pieces of any size`, async (_, connector) => {
        for (const { artifact, bytes } of await collectAll(connector, await firstUnit(connector))) {
          let told = false;
          const onlyRead = () => {
            told = true;
          };
          const proof = await connector.prove(artifact, oddPieces(bytes), { full, signal: never(), onlyRead });
          assert.ok(proof.detail.length > 0);
          assert.ok(["read", "restored", "full"].includes(proof.level));
          if (full) assert.equal(told, proof.level !== "full", "told that it only reads");
        }
      });

      promise(`${how} refuses what is cut short, empty, damaged, or not what the facts say`, async (_, connector) => {
        for (const { artifact, bytes } of await collectAll(connector, await firstUnit(connector))) {
          const refused = (broken: Uint8Array, facts: Facts = artifact.facts) =>
            assert.rejects(
              connector.prove({ ...artifact, facts }, oddPieces(broken), { full, signal: never() }),
              (error) => error instanceof IntegrityError && error.code === "PROOF_FAILED",
            );
          await refused(bytes.subarray(0, Math.floor(bytes.byteLength / 2)));
          await refused(bytes.subarray(0, 0));
          await refused(flipped(bytes, harness.flipAt?.(bytes) ?? Math.floor(bytes.byteLength / 2)));
          await refused(bytes, oneMore(artifact.facts));
        }
      });
    }

    promise("proof of a stream that fails at its end fails with that error", async (_, connector) => {
      const mismatch = new IntegrityError("INTEGRITY_MISMATCH", "other bytes than the manifest says");
      for (const { artifact, bytes } of await collectAll(connector, await firstUnit(connector))) {
        const failing = async function* (): Bytes {
          yield* oddPieces(bytes);
          throw mismatch;
        };
        await assert.rejects(
          connector.prove(artifact, failing(), { full: false, signal: never() }),
          (error) => error === mismatch,
        );
      }
    });

    promise("proof reads its stream to the end", async (_, connector) => {
      for (const { artifact, bytes } of await collectAll(connector, await firstUnit(connector))) {
        let ended = false;
        const told = async function* (): Bytes {
          yield* oddPieces(bytes);
          ended = true;
        };
        await connector.prove(artifact, told(), { full: false, signal: never() });
        assert.equal(ended, true);
      }
    });

    promise("restoring brings back what was collected, without the source", async (subject, connector) => {
      const unit = await firstUnit(connector);
      for (const { item, artifact, bytes } of await collectAll(connector, unit)) {
        await inFolder(async (folder) => {
          const paths = await harness.kind.restore(artifact, oddPieces(bytes), folder, never());
          assert.ok(paths.length > 0);
          await subject.assertRestored(unit, item, folder, paths);
        });
      }
    });

    promise("restoring what is cut short, or whose source fails, is an error", async (_, connector) => {
      for (const { artifact, bytes } of await collectAll(connector, await firstUnit(connector))) {
        const half = Math.floor(bytes.byteLength / 2);
        await inFolder(async (folder) => {
          await assert.rejects(
            harness.kind.restore(artifact, oddPieces(bytes.subarray(0, half)), folder, never()),
            IntegrityError,
          );
        });
        const broken = new Error("the storage broke");
        await inFolder(async (folder) => {
          await assert.rejects(
            harness.kind.restore(artifact, failingAfter(0, broken), folder, never()),
            (error) => error === broken,
          );
        });
      }
    });

    const { silent } = harness;
    if (silent === undefined) return;
    test("a source that never answers is left when the signal is aborted", async () => {
      await using subject = await silent();
      const connector = await connect(harness, subject.options);
      const reason = new Error("told to stop");
      const stop = new AbortController();
      setImmediate(() => stop.abort(reason));
      const working = async () => {
        await connector.prepare(stop.signal);
        for await (const unit of connector.units(stop.signal)) await collectAll(connector, unit, context(stop.signal));
      };
      await assert.rejects(working(), (error) => error === reason);
      await connector.cleanup();
      assert.deepEqual(await childProcesses(), []);
    });
  });
}

export interface Collected {
  readonly item: Item;
  readonly artifact: ProvenArtifact;
  readonly bytes: Uint8Array;
}

/** Collects a unit as the steps do: each item is read to its end before the next is asked for. */
export async function collectAll(
  connector: Connector,
  unit: Unit,
  given: CollectContext = context(),
): Promise<readonly Collected[]> {
  const collected: Collected[] = [];
  for await (const item of connector.collect(unit, given)) {
    const bytes = await readAll(item.open(), LIMIT);
    const artifact = { path: `unit/${item.name}`, contentType: item.contentType, facts: item.facts?.() ?? {} };
    collected.push({ item, artifact, bytes });
  }
  return collected;
}

/** A context whose warnings can be looked at. */
export function context(signal: AbortSignal = never()): CollectContext & { readonly warnings: Warning[] } {
  const warnings: Warning[] = [];
  const defer = async (until: Date, why: string) => assert.fail(`${why}, until ${until.toISOString()}`);
  return { previous: undefined, signal, warnings, warn: (warning) => warnings.push(warning), defer };
}

export const never = (): AbortSignal => new AbortController().signal;

/** A connector made from options as they stand in a file. */
export function connect<Options>(
  harness: { readonly kind: ConnectorKind<Options>; readonly secret?: string },
  options: unknown,
): Promise<Connector> {
  const { secret } = harness;
  return harness.kind.create(harness.kind.options.parse(options), {
    secrets: secret === undefined ? noSecrets : { resolve: async () => secret },
    redaction: noRedaction,
    now: () => new Date(),
    avoid: [],
  });
}

async function firstUnit(connector: Connector): Promise<Unit> {
  for await (const unit of connector.units(never())) return unit;
  throw new Error("the source of the harness has no unit");
}

/** What the facts' first number would be if one more had been counted. */
function oneMore(facts: Facts): Facts {
  const counted = Object.entries(facts).find(([, value]) => typeof value === "number");
  if (counted === undefined) throw new Error("the facts count nothing");
  return { ...facts, [counted[0]]: Number(counted[1]) + 1 };
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const broken = Uint8Array.from(bytes);
  broken[at] = (broken[at] ?? 0) ^ 1;
  return broken;
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), "contract-restore-"));
  try {
    const folder = join(base, "folder");
    await mkdir(folder);
    await body(folder);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

/** Until disposed, temporary files go to a folder that must be empty in the end; and no program may be left. */
async function watchedLeftovers(): Promise<AsyncDisposable> {
  const before = process.env.TMPDIR;
  const folder = await mkdtemp(join(tmpdir(), "contract-tmp-"));
  process.env.TMPDIR = folder;
  return {
    async [Symbol.asyncDispose]() {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      const left = await readdir(folder);
      await rm(folder, { recursive: true, force: true });
      assert.deepEqual(left, [], "temporary files were left");
      assert.deepEqual(await childProcesses(), [], "programs were left");
    },
  };
}

/** Command names of our children, where the system tells (Linux). A server of the test's own gets a while to end its. */
async function childProcesses(): Promise<readonly string[]> {
  let children = await childrenNow();
  for (let polls = 0; children.length > 0 && polls < 100; polls += 1) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    children = await childrenNow();
  }
  return children;
}

async function childrenNow(): Promise<readonly string[]> {
  const threads = await readdir("/proc/self/task").catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/self/task/${thread}/children`, "utf8").catch(() => "")),
  );
  const ids = lists.flatMap((list) => list.split(" ")).filter((id) => id !== "");
  const names = await Promise.all(ids.map((id) => readFile(`/proc/${id}/comm`, "utf8").catch(() => "")));
  // Without a name it has ended since.
  return names.filter((name) => name !== "");
}

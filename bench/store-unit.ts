import process from "node:process";
import { storeArtifact } from "../lib/artifact.ts";
import { connectors } from "../lib/connectors/all.ts";
import { tuneGarbageCollection } from "../lib/garbage-collection.ts";
import { unitFolder } from "../lib/keys.ts";
import { createRedaction } from "../lib/secrets/redaction.ts";
import type { SecretReference } from "../lib/secrets/secrets.ts";
import { filesystemStorage } from "../lib/storage/filesystem.ts";

/**
 * A process of its own that stores every unit of one job as `core-backup run` stores it, and prints what it took:
 * `node store-unit.ts SERVICE OPTIONS-AS-JSON STORE`. The clock runs from listing the units to the last digest that
 * the storage confirmed.
 */
export interface Stored {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly sourceBytes: number;
  readonly bytes: number;
  /** All that the process wrote to a disk, what it removed again included. On a tmpfs nothing is counted. */
  readonly writtenBytes: number;
}

/** What `fsWrite` counts in: getrusage(2). */
const BLOCK_BYTES = 512;

// As cli/main.ts does.
tuneGarbageCollection();
const [service = "", options = "{}", store = ""] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await storeUnits())}\n`);

async function storeUnits(): Promise<Stored> {
  const kind = connectors[service];
  if (kind === undefined) throw new Error(`no service ${service}`);
  const { signal } = new AbortController();
  const secrets = {
    resolve: async (reference: SecretReference) =>
      (reference.from === "env" ? process.env[reference.name] : undefined) ?? "",
  };
  const connector = await kind.create(kind.options.parse(JSON.parse(options)), {
    secrets,
    redaction: createRedaction(),
    now: () => new Date(),
    avoid: [],
  });
  const storage = filesystemStorage({ basePath: store });
  await storage.prepare();
  await connector.prepare(signal);
  const began = performance.now();
  let sourceBytes = 0;
  let bytes = 0;
  for await (const unit of connector.units(signal)) {
    const warn = ({ message }: { readonly message: string }) => console.error(message);
    for await (const item of connector.collect(unit, { previous: undefined, signal, warn, defer: async () => {} })) {
      const artifact = await storeArtifact(item, {
        storage,
        prefix: "bench/",
        folder: unitFolder(unit.id),
        compression: { type: "zstd", level: 3 },
        encryption: undefined,
        ifAbsent: true,
        signal,
        onBytes: () => {},
      });
      sourceBytes += artifact.sourceBytes;
      bytes += artifact.bytes;
    }
  }
  const seconds = (performance.now() - began) / 1000;
  await connector.cleanup();
  const { userCPUTime, systemCPUTime, maxRSS, fsWrite } = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  return { seconds, cpuSeconds, peakBytes: maxRSS * 1024, sourceBytes, bytes, writtenBytes: fsWrite * BLOCK_BYTES };
}

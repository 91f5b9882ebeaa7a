import { readFileSync } from "node:fs";
import process from "node:process";
import type { Unit } from "../lib/connectors/connector.ts";
import { mongodb } from "../lib/connectors/mongodb/mongodb.ts";
import { tuneGarbageCollection } from "../lib/garbage-collection.ts";
import { createRedaction } from "../lib/secrets/redaction.ts";
import { createSecretResolver } from "../lib/secrets/resolver.ts";

/**
 * A process of its own that reads one database by the strategy `driver` and throws its archive away, as
 * `mongodump --archive > /dev/null` does: `node dump-database.ts URI DATABASE`. Prints what it took.
 */
export interface Dumped {
  readonly bytes: number;
  readonly documents: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

// As cli/main.ts does.
tuneGarbageCollection();
const [uri = "", database = ""] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await dump())}\n`);

async function dump(): Promise<Dumped> {
  const { signal } = new AbortController();
  const redaction = createRedaction();
  const secrets = createSecretResolver({ env: {}, redaction, signal });
  const options = mongodb.options.parse({ uri, databases: [database], dump_strategy: "driver" });
  const connector = await mongodb.create(options, { secrets, redaction, now: () => new Date(), avoid: [] });
  const unit: Unit = { id: database, compute: "lambda", input: {} };
  const warn = ({ message }: { readonly message: string }) => console.error(message);
  let [bytes, documents] = [0, 0];
  for await (const item of connector.collect(unit, { previous: undefined, signal, warn, defer: async () => {} })) {
    for await (const chunk of item.open()) bytes += chunk.byteLength;
    documents += Number(item.facts?.()?.documents);
  }
  await connector.cleanup();
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return { bytes, documents, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: peak() };
}

/** `maxRSS` begins with that of the process which started this one, and there lies the server. */
function peak(): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kib) * 1024;
}

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
/** Whatever makes connections and does not know of the proxies and the egress list. */
const PAST_THE_NETWORK =
  /(?<![\w.])fetch\(|new https?\.Agent\(|new (?!networkAgents)\w*Client\((?![^)]*requestHandler)/;
const ALLOWED = new Map([
  ["lib/network/fetch.ts", "is the one place"],
  ["lib/network/agents.ts", "is the one place"],
  ["lib/storage/s3/client.ts", "gets its handler below"],
  ["lib/storage/s3/credentials.ts", "gets its handler below"],
  ["lib/connectors/mongodb/client.ts", "connects by sockets, and refuses a proxy"],
  ["lib/deployment/deployment.ts", "gets its handler below"],
]);

test("nothing of lib reaches the network by a way of its own", async () => {
  const files = (await readdir(join(ROOT, "lib"), { recursive: true })).filter((file) => file.endsWith(".ts"));
  const past: string[] = [];
  for (const file of files.map((name) => join("lib", name)))
    if (!ALLOWED.has(file) && PAST_THE_NETWORK.test(await readFile(join(ROOT, file), "utf8"))) past.push(file);
  assert.deepEqual(past, []);
});

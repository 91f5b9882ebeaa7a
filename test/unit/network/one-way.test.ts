import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
const FOLDERS = ["lib", "cli", "functions", "infra", "bin"];

/** Who may make connections, and why that heeds the proxies and the egress list. */
const ALLOWED: Readonly<Record<string, string>> = {
  "lib/network/fetch.ts": "is the one place for fetch",
  "lib/network/proxies.ts": "sets what Node's own clients go through",
  "lib/network/egress.ts": "guards every socket",
  "lib/network/agents.ts": "is the one place for agents",
  "lib/network/tunnel.ts": "asks the proxy itself",
  "lib/secrets/vault-exchange.ts": "asks the list, and takes Node's agents or ours",
  "lib/secrets/aws.ts": "takes our agents",
  "lib/storage/s3/client.ts": "takes our agents",
  "lib/storage/s3/credentials.ts": "takes our agents",
  "lib/notifiers/sns.ts": "takes our agents",
  "lib/deployment/deployment.ts": "takes our agents",
  "lib/deployment/announce-watch.ts": "takes our agents",
  "lib/deployment/execution-state.ts": "takes our agents",
  "lib/connectors/mongodb/aws-credentials.ts": "takes our agents",
  "lib/connectors/mongodb/client.ts": "asks the list, connects by guarded sockets, and refuses a proxy",
  "lib/connectors/mongodb/proof-database.ts": "uses a client that is connected",
  "lib/connectors/mongodb/database-plan.ts": "takes the types of BSON alone",
  "lib/connectors/docker-volume/engine/engine.ts": "takes the agent of connect.ts",
  "lib/connectors/docker-volume/engine/connect.ts": "asks the list, and tunnels",
  "lib/notifiers/email.ts": "asks the list, and tunnels",
  "lib/metrics/statsd.ts": "asks the list; it is UDP",
  "cli/init/find.ts": "looks at this machine alone, without a configuration",
};

const MODULES =
  /^(?:node:)?(?:https?|http2|net|tls|dgram|dns|dns\/promises)$|^(?:undici|nodemailer|mongodb|@aws-sdk|@smithy)(?:\/|$)/;
/** What of these modules connects to nothing. */
const HARMLESS =
  /^(?:isIP|isIPv4|isIPv6|BlockList|getCACertificates|createSecureContext|createServer|\w+Command|type .*)$/;
const GLOBALS =
  /(?<![\w.`"'])fetch\s*\(|\bglobalThis\.fetch\b|=\s*fetch\b|\bnew (?:WebSocket|EventSource|XMLHttpRequest)\b/;

/** What in a file's text could make a connection. */
function connecting(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<!:)\/\/.*$/gm, "");
  const found: string[] = [];
  for (const [, names = "", module = ""] of code.matchAll(/^(?:import|export) (?!type )([^"';]*?) from "([^"]+)"/gm)) {
    if (!MODULES.test(module)) continue;
    const listed = names.includes("{") ? names.replace(/[{}]/g, "").split(",") : [names];
    found.push(...listed.map((name) => name.trim()).filter((name) => name !== "" && !HARMLESS.test(name)));
  }
  for (const [, module = ""] of code.matchAll(/(?:\bimport|\brequire|getBuiltinModule)\(\s*["']([^"']+)["']/g))
    if (MODULES.test(module)) found.push(module);
  if (GLOBALS.test(code)) found.push("fetch or the like");
  return found;
}

async function sources(): Promise<string[]> {
  const found = await Promise.all(
    FOLDERS.map(async (folder) =>
      (await readdir(join(ROOT, folder), { recursive: true }))
        .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith(".d.ts"))
        .map((file) => join(folder, file)),
    ),
  );
  return found.flat();
}

test("nothing that is shipped reaches the network by a way of its own", async () => {
  const makers = new Map<string, readonly string[]>();
  for (const file of await sources()) {
    const found = connecting(await readFile(join(ROOT, file), "utf8"));
    if (found.length > 0) makers.set(file, found);
  }
  const past = [...makers].filter(([file]) => !Object.hasOwn(ALLOWED, file));
  assert.deepEqual(past, []);
  assert.deepEqual(
    Object.keys(ALLOWED)
      .filter((file) => !makers.has(file))
      .toSorted(),
    [],
    "allowed without need",
  );
});

describe("what makes connections is seen in any form", () => {
  for (const text of [
    'const answer = await fetch("https://a.example");',
    "const get = globalThis.fetch;",
    "const get = fetch;",
    'new WebSocket("wss://a.example");',
    'import https from "node:https";',
    'import * as http from "http";',
    'import { get } from "node:http";',
    'import {\n  type IncomingMessage,\n  request,\n} from "node:http";',
    'import { createConnection } from "node:net";',
    'import { connect as secure } from "node:tls";',
    'import { createSocket } from "node:dgram";',
    'import { request } from "undici";',
    'import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";',
    'import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";',
    'const { MongoClient } = await import("mongodb");',
    'const net = require("net");',
    'export { request } from "node:https";',
  ])
    test(text, () => assert.notDeepEqual(connecting(text), []));

  for (const text of [
    "const answer = await networkFetch(url, {});",
    "// as fetch() does",
    'import type { Agent } from "node:http";',
    'import { type AddressInfo, isIP } from "node:net";',
    'import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";',
  ])
    test(`and no more than that: ${text}`, () => assert.deepEqual(connecting(text), []));
});

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { metricsSchema } from "../../lib/config/metrics-options.ts";
import { openEngine } from "../../lib/connectors/docker-volume/engine/engine.ts";
import { parseHost } from "../../lib/connectors/docker-volume/engine/host.ts";
import { connect } from "../../lib/connectors/mongodb/client.ts";
import { parseLocation } from "../../lib/git/location.ts";
import { openSsh } from "../../lib/git/transport-process.ts";
import { statsdOutput } from "../../lib/metrics/statsd.ts";
import { limitEgress } from "../../lib/network/egress.ts";
import { egressList } from "../../lib/network/egress-list.ts";
import { useDnsServer } from "../support/dns-server.ts";
import { published } from "../support/published.ts";
import { startScriptedMongo } from "../support/scripted-mongo.ts";

const { signal } = new AbortController();
const noSsh = { sshKeyFile: undefined, sshKnownHostsFile: undefined };

/** Somebody whom nobody may ask. */
async function unlisted(t: TestContext) {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

const refused = (place: string) => (error: Error & { code?: string }) => {
  assert.equal(error.code, "EGRESS_REFUSED");
  assert.ok(error.message.endsWith(`${place} is not in egress.allow`), error.message);
  return true;
};

/** What is no HTTP; the rest is in outside-clients.test.ts. */
describe("whom egress.allow does not list hears nothing", () => {
  before(() => limitEgress(egressList([])));
  after(() => limitEgress(undefined));

  const mongo = (uri: string) =>
    connect(
      {
        uri,
        readPreference: undefined,
        tls: { ca: undefined, certificateKey: undefined, certificateKeyPassword: undefined },
      },
      signal,
    );

  test("as a server of MongoDB", async (t) => {
    const { port, connections } = await unlisted(t);
    const uri = `mongodb://127.0.0.1:${port}/?serverSelectionTimeoutMS=400`;
    await assert.rejects(mongo(uri), refused(`127.0.0.1:${port}`));
    assert.equal(connections(), 0);
  });

  test("as a member of a replica set that only another member tells of", async (t) => {
    const { port, connections } = await unlisted(t);
    await using primary = await startScriptedMongo({
      databases: {},
      hello: (address) => ({ setName: "rs", hosts: [address, `127.0.0.1:${port}`], me: address, setVersion: 1 }),
    });
    const seed = new URL(primary.uri).host;
    limitEgress(egressList([seed]));
    const client = await mongo(`mongodb://${seed}/?replicaSet=rs&serverSelectionTimeoutMS=5000`);
    await client.db("admin").command({ ping: 1 });
    await delay(100);
    await client.close();
    limitEgress(egressList([]));
    assert.equal(connections(), 0);
  });

  test("as a server that the domain of mongodb+srv names", async (t) => {
    const { port, connections } = await unlisted(t);
    const srv = { "_mongodb._tcp.cluster.example.test": [{ host: "db1.example.test", port }] };
    await using _ = await useDnsServer({ srv, txt: {} });
    const uri = "mongodb+srv://cluster.example.test/?tls=false&serverSelectionTimeoutMS=400";
    await assert.rejects(mongo(uri), refused(`db1.example.test:${port}`));
    assert.equal(connections(), 0);
  });

  test("as a StatsD server", async () => {
    const socket = createSocket("udp4");
    let packets = 0;
    socket.on("message", () => {
      packets += 1;
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const { statsd } = metricsSchema.parse({ statsd: { port } });
    assert.ok(statsd !== undefined);
    await assert.rejects(statsdOutput(statsd).publish(published(["docs"]), signal), refused(`127.0.0.1:${port}`));
    await delay(50);
    socket.close();
    assert.equal(packets, 0);
  });

  test("as what ssh is started for, by git or for a Docker Engine", async (t) => {
    const { port, connections } = await unlisted(t);
    const location = parseLocation(`ssh://git@127.0.0.1:${port}/a.git`);
    assert.ok(location.kind === "ssh");
    assert.throws(
      () => openSsh(location, { location, refs: undefined, ...noSsh }, signal),
      refused(`127.0.0.1:${port}`),
    );
    const place = { host: parseHost(`ssh://docker@127.0.0.1:${port}`), name: "engine", ssh: noSsh };
    await assert.rejects(openEngine(place, signal), refused(`127.0.0.1:${port}`));
    assert.equal(connections(), 0);
  });
});

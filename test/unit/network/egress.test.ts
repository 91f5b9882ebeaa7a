import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import { connect, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { networkAgents } from "../../../lib/network/agents.ts";
import { checkEgress, checkEgressTo, limitEgress, vouchedFor } from "../../../lib/network/egress.ts";
import { egressList } from "../../../lib/network/egress-list.ts";
import { networkFetch } from "../../../lib/network/fetch.ts";
import { networkRefusal } from "../../../lib/network/refusal.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

/** One that does connect does not fail, and goes on with nothing. */
async function failing(connection: Socket | http.ClientRequest): Promise<void> {
  await once(connection, "method" in connection ? "response" : "connect");
  connection.destroy();
}

describe("while egress is limited, what is not in the list is refused before a connection is made", async () => {
  const listed = await startRecordingServer(() => ({ status: 200 }));
  const other = await startRecordingServer(() => ({ status: 200 }));
  const port = Number(new URL(other.url).port);
  const refused = {
    name: "EgressError",
    code: "EGRESS_REFUSED",
    message: `127.0.0.1:${port} is not in egress.allow at a.yml:3`,
  };
  limitEgress(egressList([new URL(listed.url).host], "a.yml:3"));
  after(async () => {
    limitEgress(undefined);
    assert.deepEqual([...other.calls, ...other.heads], []);
    await Promise.all([listed.stop(), other.stop()]);
  });

  test("by a fetch, also to where a redirect leads", async () => {
    listed.next.push({ status: 302, headers: { location: other.url } });
    const response = await networkFetch(listed.url, {});
    await assert.rejects(networkFetch(response.headers.get("location") ?? "", {}), refused);
  });
  test("by a fetch that forgot to ask", async () => {
    await assert.rejects(fetch(other.url), (error) => networkRefusal(error)?.message === refused.message);
  });
  test("by the agents of AWS's clients, also on a way through a proxy that is listed", async () => {
    for (const proxies of [{}, { HTTP_PROXY: listed.url }]) {
      const { httpAgent } = networkAgents({ proxies });
      assert.throws(() => http.get(other.url, { agent: httpAgent }), refused);
    }
  });
  test("by sockets of any library, with TLS or without", async () => {
    await assert.rejects(failing(connect(port, "127.0.0.1")), refused);
    await assert.rejects(failing(connect({ port, host: "127.0.0.1" })), refused);
    await assert.rejects(failing(connectTls({ port, host: "127.0.0.1" })), refused);
    await assert.rejects(failing(connect(port)), /localhost:\d+ is not in egress.allow at a.yml:3$/);
    await assert.rejects(failing(http.get(other.url)), refused);
  });
  test("while what is listed, sockets of this machine, and what was asked for by name are as ever", async () => {
    assert.equal((await fetch(listed.url)).status, 200);
    await assert.rejects(failing(connect("/nonexistent/socket")), { code: "ENOENT" });
    const address = new URL(listed.url);
    checkEgress(address.hostname, Number(address.port));
    limitEgress(egressList(["mail.example.com:25", address.host]));
    const vouched = vouchedFor("mail.example.com", 25, () => connect(port, "127.0.0.1"));
    await once(vouched, "connect");
    vouched.destroy();
    assert.throws(() => vouchedFor("mail.example.com", 26, () => connect(port, "127.0.0.1")), { name: "EgressError" });
  });
  test("the usual port of a URL is meant where it names none", () => {
    limitEgress(egressList(["a.example:443", "b.example:80", "[::1]:443"]));
    checkEgressTo("https://a.example/x");
    checkEgressTo("http://b.example/x");
    checkEgressTo("https://[::1]/x");
    assert.throws(() => checkEgressTo("http://a.example/x"), { message: "a.example:80 is not in egress.allow" });
  });
});

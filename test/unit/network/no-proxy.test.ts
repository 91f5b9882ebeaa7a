import assert from "node:assert/strict";
import * as http from "node:http";
import * as https from "node:https";
import { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { networkAgents } from "../../../lib/network/agents.ts";
import { networkFetch } from "../../../lib/network/fetch.ts";
import { bypasses, forPrograms, noProxyFault } from "../../../lib/network/no-proxy.ts";
import { useProxies } from "../../../lib/network/proxies.ts";
import { givenProxy } from "../../../lib/network/proxy-variables.ts";

/** What an entry says of a host and a port: whether it is reached directly. */
const RULE: readonly (readonly [string, string, number, boolean])[] = [
  ["example.com", "example.com", 443, true],
  ["example.com", "www.example.com", 443, true],
  ["example.com", "a.b.example.com", 443, true],
  ["example.com", "evilexample.com", 443, false],
  ["example.com", "example.com.evil.example", 443, false],
  ["EXAMPLE.com", "www.example.COM", 443, true],
  [".example.com", "example.com", 443, true],
  [".example.com", "www.example.com", 443, true],
  [".example.com", "evilexample.com", 443, false],
  ["*.example.com", "example.com", 443, true],
  ["*.example.com", "www.example.com", 443, true],
  ["*.example.com", "evilexample.com", 443, false],
  ["www.example.com", "example.com", 443, false],
  ["a.example b.example", "b.example", 443, true],
  ["a.example,b.example", "b.example", 443, true],
  ["a.example:8443", "a.example", 8443, true],
  ["a.example:8443", "a.example", 443, false],
  ["a.example:443", "a.example", 443, true],
  ["a.example:80", "a.example", 80, true],
  [".a.example:8443", "a.example", 8443, true],
  ["a.example:8443", "www.a.example", 8443, false],
  ["10.1.2.3", "10.1.2.3", 443, true],
  ["10.1.2.3", "10.1.2.30", 443, false],
  ["10.1.2.3:9000", "10.1.2.3", 9000, true],
  ["10.0.0.0/8", "10.255.2.3", 443, true],
  ["10.0.0.0/8", "11.0.0.1", 443, false],
  ["10.1.2.3/31", "10.1.2.2", 443, true],
  ["10.1.2.3/31", "10.1.2.4", 443, false],
  ["0.0.0.0/0", "200.1.2.3", 443, true],
  ["10.0.0.0/8", "10.example.com", 443, false],
  ["::1", "::1", 443, true],
  ["[::1]", "::1", 443, true],
  ["[::1]:8443", "::1", 8443, true],
  ["[::1]:8443", "::1", 443, false],
  ["2001:db8:0:0::1", "2001:db8::1", 443, true],
  ["localhost", "127.0.0.1", 443, false],
  ["*", "any.example", 443, true],
  ["a.example,*", "any.example", 443, true],
  ["", "any.example", 443, false],
];

const PROXY = "proxy.invalid";

/** Whom a client would connect to, which it is kept from. */
async function connectsTo(ask: () => Promise<unknown>): Promise<string> {
  const { connect } = Socket.prototype;
  let asked = "nobody";
  Socket.prototype.connect = function noted(this: Socket, ...args: unknown[]): Socket {
    const given: unknown = Array.isArray(args[0]) ? args[0][0] : args[0];
    if (typeof given === "object" && given !== null && "host" in given) asked = String(given.host);
    process.nextTick(() => this.destroy(new Error("kept from it")));
    return this;
  };
  try {
    await assert.rejects(ask());
    return asked;
  } finally {
    Socket.prototype.connect = connect;
  }
}

function got(agent: http.Agent | undefined, url: string): Promise<unknown> {
  return new Promise((done, fail) => {
    (url.startsWith("https:") ? https : http).get(url, agent === undefined ? {} : { agent }, done).on("error", fail);
  });
}

describe("no_proxy means the same to", () => {
  after(() => useProxies({}, false));

  for (const [entry, host, port, isDirect] of RULE) {
    const what = `${JSON.stringify(entry)} ${isDirect ? "names" : "does not name"} ${host}:${port}`;
    test(`our own tunnels, Node's agents and its fetch: ${what}`, async () => {
      assert.equal(bypasses(host, port, entry), isDirect, "a tunnel");
      useProxies(givenProxy(`http://${PROXY}:3128`, [entry]), true);
      const { httpAgent, httpsAgent } = networkAgents();
      const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
      const expected = isDirect ? host.toLowerCase() : PROXY;
      assert.equal(await connectsTo(() => got(httpAgent, `http://${place}/`)), expected, "an agent");
      assert.equal(await connectsTo(() => got(httpsAgent, `https://${place}/`)), expected, "an agent with TLS");
      assert.equal(await connectsTo(() => got(undefined, `http://${place}/`)), expected, "an agent of Node's");
      assert.equal(await connectsTo(() => networkFetch(`http://${place}/`, {})), expected, "fetch");
      assert.equal(await connectsTo(() => networkFetch(`https://${place}/`, {})), expected, "fetch with TLS");
    });
  }

  test("and where AWS gives out credentials nobody asks a proxy, whatever no_proxy says", async () => {
    useProxies(givenProxy(`http://${PROXY}:3128`, ["a.example"]), true);
    for (const address of ["169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]"]) {
      const url = `http://${address}/latest/meta-data/`;
      const expected = address.replace(/^\[|\]$/g, "");
      assert.equal(await connectsTo(() => got(networkAgents().httpAgent, url)), expected);
      assert.equal(await connectsTo(() => got(undefined, url)), expected);
      assert.equal(await connectsTo(() => networkFetch(url, {})), expected);
    }
  });
});

describe("programs are told it in the words of curl and git", () => {
  for (const [list, told] of [
    [".example.com,*.example.org", "example.com,example.org"],
    ["10.0.0.0/8,[::1],::2", "10.0.0.0/8,::1,::2"],
    ["a.example:8443,[::1]:443", "a.example:8443,[::1]:443"],
    // Beside others curl does not know it.
    ["a.example,*", "*"],
  ] as const)
    test(list, () => assert.equal(forPrograms(list), told));
});

for (const entry of [
  "",
  "http://a",
  "a b",
  "10.0.0.256",
  "10.0.0.0/33",
  "fd00::/8",
  "a..b",
  "a:0",
  "a:70000",
  "10.*",
  "*a",
])
  test(`${JSON.stringify(entry)} is no entry of no_proxy`, () =>
    assert.match(noProxyFault(entry) ?? "", /^must be a host, which is for all below it as well/));

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { EgressError, ProxyError } from "../../../lib/errors.ts";
import { useProxies } from "../../../lib/network/proxies.ts";
import { networkRefusal } from "../../../lib/network/refusal.ts";

/** As undici, Node's agents, nodemailer and the SDK of AWS say it; test/integration/outside-clients.test.ts has them say it. */
const UNDICI = new TypeError("fetch failed", {
  cause: new Error("Proxy response (407) !== 200 when HTTP Tunneling"),
});
const AGENT = Object.assign(
  new Error("Failed to establish tunnel to a.example:443 via http://own.example:8080/: HTTP/1.1 403 Forbidden"),
  { code: "ERR_PROXY_TUNNEL", statusCode: 403 },
);
const ONE = {
  HTTP_PROXY: "http://user:canary@proxy.example:3128",
  HTTPS_PROXY: "http://user:canary@proxy.example:3128",
};

describe("what a proxy refuses", () => {
  afterEach(() => useProxies({}, false));

  test("is told with its address, and without its user and password", () => {
    useProxies(ONE, true);
    const refused = networkRefusal(UNDICI);
    assert.ok(refused instanceof ProxyError);
    assert.equal(refused.code, "PROXY_REFUSED");
    assert.equal(refused.message, "the proxy proxy.example:3128 wants other credentials (407)");
  });

  test("names the one that it was, which may be a storage's own", () => {
    useProxies(ONE, true);
    assert.equal(networkRefusal(AGENT)?.message, "the proxy own.example:8080 does not let it through (403)");
  });

  test("names neither of two where it may have been either", () => {
    useProxies({ ...ONE, HTTP_PROXY: "http://other.example" }, false);
    assert.equal(networkRefusal(UNDICI)?.message, "the proxy wants other credentials (407)");
  });

  test("is not what a server says, nor a proxy that may let it through later", () => {
    for (const error of [
      new Error("no"),
      new Error("Proxy response (502) !== 200 when HTTP Tunneling"),
      Object.assign(new Error("no"), { $metadata: { httpStatusCode: 403 } }),
      "no error",
    ])
      assert.equal(networkRefusal(error), undefined);
    const limited = new EgressError("a.example:443", "egress.allow");
    assert.equal(networkRefusal(new Error("failed", { cause: limited })), limited);
  });
});

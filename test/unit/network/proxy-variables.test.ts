import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bypasses } from "../../../lib/network/no-proxy.ts";
import { givenProxy, proxiesOf, withoutCredentials } from "../../../lib/network/proxy-variables.ts";

const AWS = "169.254.169.254,169.254.170.2,169.254.170.23,[fd00:ec2::254]";

describe("the usual variables", () => {
  test("none of them is no proxy", () => assert.deepEqual(proxiesOf({ NO_PROXY: "a", HTTPS_PROXY: "" }), {}));
  test("the lower-case one wins, and a scheme may be left out", () => {
    const env = { https_proxy: "lower.example:3128", HTTPS_PROXY: "http://upper.example", no_proxy: "a, .b" };
    assert.deepEqual(proxiesOf(env), { HTTPS_PROXY: "http://lower.example:3128", NO_PROXY: `a,.b,${AWS}` });
  });
  test("ALL_PROXY stands for what is not set, and one for SOCKS for nothing", () => {
    const env = { all_proxy: "http://all.example", HTTP_PROXY: "http://plain.example" };
    const proxies = { HTTP_PROXY: "http://plain.example", HTTPS_PROXY: "http://all.example", NO_PROXY: AWS };
    assert.deepEqual(proxiesOf(env), proxies);
    assert.deepEqual(proxiesOf({ ALL_PROXY: "socks5://127.0.0.1:1080" }), {});
  });
  test("what is no address is an error that does not show it", () => {
    assert.throws(() => proxiesOf({ HTTP_PROXY: "socks5://user:canary@x" }), {
      name: "ConfigError",
      message:
        "the variable HTTP_PROXY is no address of an HTTP proxy, such as http://proxy.example.com:3128; a % in its user name or password is written %25",
    });
  });
  test("where AWS gives out credentials no proxy is asked", () =>
    assert.ok(bypasses("169.254.170.2", 80, givenProxy("http://p", []).NO_PROXY)));
});

test("an address without its credentials is the same place", () => {
  assert.equal(withoutCredentials("http://user:canary@proxy.example:3128"), "http://proxy.example:3128");
  assert.equal(withoutCredentials("https://token@proxy.example"), "https://proxy.example");
});

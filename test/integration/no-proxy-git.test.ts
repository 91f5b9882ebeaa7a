import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { useProxies } from "../../lib/network/proxies.ts";
import { givenProxy } from "../../lib/network/proxy-variables.ts";
import { ProgramFailedError, programText } from "../../lib/process.ts";
import { freePort } from "../support/free-port.ts";
import { startRecordingServer } from "../support/recording-server.ts";

const { signal } = new AbortController();

/** As test/unit/network/no-proxy.test.ts has it for our own clients. */
const RULE: readonly (readonly [string, string, boolean])[] = [
  ["example.test", "example.test", true],
  ["example.test", "www.example.test", true],
  [".example.test", "example.test", true],
  ["*.example.test", "www.example.test", true],
  ["example.test", "evilexample.test", false],
  ["*.example.test", "evilexample.test", false],
  ["a.test,*", "any.test", true],
  ["127.0.0.0/8", "127.1.2.3", true],
  ["127.1.2.4/31", "127.1.2.3", false],
  ["[::1]", "[::1]", true],
  ["a.test", "any.test", false],
];

describe("git and what is made of curl read the no_proxy that they are handed as our own clients do", async () => {
  const proxy = await startRecordingServer(() => ({ status: 404 }));
  const closed = await freePort();
  after(async () => {
    useProxies({}, false);
    await proxy.stop();
  });

  for (const [entry, host, isDirect] of RULE)
    test(`${JSON.stringify(entry)} ${isDirect ? "names" : "does not name"} ${host}`, async () => {
      useProxies(givenProxy(proxy.url, [entry]), true);
      const before = proxy.calls.length;
      // Every name is this machine, where nobody listens.
      const resolve = `http.curloptResolve=${host}:${closed}:127.0.0.1`;
      const args = ["-c", resolve, "ls-remote", `http://${host}:${closed}/a.git`];
      const env = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" };
      await assert.rejects(programText("git", args, { signal, env }), ProgramFailedError);
      assert.equal(proxy.calls.length > before, !isDirect);
    });
});

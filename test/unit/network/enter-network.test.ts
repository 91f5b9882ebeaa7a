import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { ConfigError, TransientError } from "../../../lib/errors.ts";
import { checkEgress } from "../../../lib/network/egress.ts";
import { enterNetwork } from "../../../lib/network/enter-network.ts";
import { proxyVariablesInUse } from "../../../lib/network/proxies.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

const { signal } = new AbortController();

function setting(t: TestContext, env: Record<string, string>) {
  const redaction = createRedaction();
  const enter = (network: Parameters<typeof enterNetwork>[0]) => enterNetwork(network, { env, redaction, signal });
  t.after(() => enterNetwork({}, { env: {}, redaction, signal }));
  return { redaction, enter };
}

const vaultAnswer = JSON.stringify({
  data: {
    data: { url: "http://user:second-password@127.0.0.1:2" },
    metadata: { deletion_time: "", destroyed: false, version: 1 },
  },
});

describe("entering a network", () => {
  test("reads the address of the proxy past the proxy in use, which may want another password by now", async (t) => {
    await using vault = await startRecordingServer(() => ({ status: 200, body: vaultAnswer }));
    await using old = await startRecordingServer(() => ({ status: 407 }));
    const { enter } = setting(t, { VAULT_TOKEN: "token", OLD: old.url.replace("//", "//user:first@") });
    await enter({ proxy: { url_env: "OLD", no_proxy: [] } });
    const secrets = { vault: { address: vault.url, auth: { type: "token" as const } } };
    await enter({ proxy: { url_vault: "secret/proxy#url", no_proxy: [] }, secrets } as never);
    assert.equal(proxyVariablesInUse().HTTP_PROXY, "http://user:second-password@127.0.0.1:2");
    assert.deepEqual(old.calls, []);
  });

  test("that cannot be entered leaves the one before, its egress list included", async (t) => {
    const { enter } = setting(t, {});
    await enter({ egress: { allow: ["one.example"] } });
    await assert.rejects(
      enter({ egress: { allow: ["two.example"] }, proxy: { url_env: "ABSENT", no_proxy: [] } }),
      (error) => error instanceof ConfigError || error instanceof TransientError,
    );
    checkEgress("one.example", 443);
    assert.throws(() => checkEgress("two.example", 443), { code: "EGRESS_REFUSED" });
  });

  test("by a proxy whose password has a bare % is a fault of the configuration, without the password", async (t) => {
    const { enter } = setting(t, { PROXY: "http://user:canary50%@127.0.0.1:1" });
    await assert.rejects(enter({ proxy: { url_env: "PROXY", no_proxy: [] } }), (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /a % in its user name or password is written %25$/);
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  });

  test("hides a token that stands as the proxy's user name, and no user name beside a password", async (t) => {
    const { enter, redaction } = setting(t, {
      TOKEN: "http://canary-token@127.0.0.1:1",
      USER: "http://backups:canary-word@127.0.0.1:1",
    });
    await enter({ proxy: { url_env: "TOKEN", no_proxy: [] } });
    await enter({ proxy: { url_env: "USER", no_proxy: [] } });
    assert.equal(redaction.redact("canary-token canary-word backups"), "*** *** backups");
  });
});

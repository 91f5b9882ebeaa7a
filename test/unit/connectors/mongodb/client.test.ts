import assert from "node:assert/strict";
import { test } from "node:test";
import { addressAt } from "../../../../lib/connectors/mongodb/client.ts";
import { mongodbOptions } from "../../../../lib/connectors/mongodb/options.ts";
import { ConfigError } from "../../../../lib/errors.ts";
import { createRedaction } from "../../../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../../../lib/secrets/resolver.ts";

test("a URI with a proxy for SOCKS is refused, without the URI", async () => {
  const redaction = createRedaction();
  const env = { MONGO: "mongodb://u:canary@db.example/?proxyHost=socks.example" };
  const secrets = createSecretResolver({ env, redaction, signal: new AbortController().signal });
  const options = mongodbOptions.parse({ uri_env: "MONGO" });
  await assert.rejects(
    addressAt(options, { from: "env", name: "MONGO" }, "uri", { secrets, redaction }),
    new ConfigError("uri: holds proxyHost, a proxy for SOCKS, and there is no SOCKS here: take it out"),
  );
});

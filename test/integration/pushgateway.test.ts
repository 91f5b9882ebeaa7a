import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { metricsSchema } from "../../lib/config/metrics-options.ts";
import { pushgatewayOutput } from "../../lib/metrics/pushgateway.ts";
import { noPrometheusPeers, type Pushgateway, startPushgateway } from "../support/prometheus-peers.ts";
import { noPromtool, promtool } from "../support/promtool.ts";
import { published } from "../support/published.ts";
import { temporaryFolder } from "../support/stores.ts";

const signal = new AbortController().signal;

function output({ url }: Pick<Pushgateway, "url">, more: object = {}, secret = "") {
  const { pushgateway } = metricsSchema.parse({ pushgateway: { url: `${url}/`, ...more } });
  assert.ok(pushgateway !== undefined);
  return pushgatewayOutput(pushgateway, { secrets: { resolve: async () => secret }, hostname: "machine" });
}

describe("a real Pushgateway", { skip: noPrometheusPeers }, () => {
  test("holds a group for each job, whatever it is called, in a form that Prometheus takes", async () => {
    await using gateway = await startPushgateway();
    const names = ["docs", "org/a b", 'ü "q"'];
    await (await output(gateway)).publish(published(names), signal);
    assert.deepEqual(
      // The gateway keeps its groups in a map and lists them in any order.
      new Map((await gateway.groups()).map(({ backup_job, ...rest }) => [backup_job, rest])),
      new Map(names.map((name) => [name, { job: "core_backup", instance: "machine", site: "fra" }])),
    );
    const text = await gateway.scrape();
    assert.match(text, /^core_backup_snapshot_bytes\{backup_job="docs",.*side="source".*\} 1.234567890123e\+12$/m);
    assert.match(text, /^push_failure_time_seconds\{.*backup_job="docs".*\} 0$/m);
    if (noPromtool === false) {
      const lines = text.split("\n").filter((line) => /^(# \w+ )?core_backup/.test(line));
      assert.deepEqual(promtool(["check", "metrics"], `${lines.join("\n")}\n`), { code: 0, output: "" });
    }
  });

  test("a job that left the configuration leaves the gateway; the groups of others stay", async () => {
    await using gateway = await startPushgateway();
    const ours = await output(gateway);
    await (await output(gateway, { instance: "other" })).publish(published(["old"]), signal);
    await ours.publish(published(["theirs"], { configFile: "/srv/theirs.yml" }), signal);
    await ours.publish(published(["old", "docs"]), signal);
    await ours.publish(published(["docs"]), signal);
    const left = (await gateway.groups()).map(({ backup_job, instance }) => `${backup_job} ${instance}`);
    assert.deepEqual(left.sort(), ["docs machine", "old other", "theirs machine"]);
    await ours.publish(published(["docs"], { configured: ["docs", "new"] }), signal);
    assert.equal((await gateway.groups()).length, 3);
    await ours.publish({ ...published(["new"]), configured: undefined }, signal);
    assert.equal((await gateway.groups()).length, 4, "which jobs there are is not known now");
  });

  test("without an instance a group can be another machine's, and is left alone", async () => {
    await using gateway = await startPushgateway();
    const shared = await output(gateway, { instance: "" });
    await shared.publish(published(["theirs"]), signal);
    await shared.publish(published(["docs"]), signal);
    assert.deepEqual(
      new Set((await gateway.groups()).map(({ backup_job }) => backup_job)),
      new Set(["docs", "theirs"]),
    );
  });

  test("asks for a password: the right one is taken, another is refused and not told", async () => {
    await using folder = await temporaryFolder();
    const users = join(folder.path, "web.yml");
    // The bcrypt hash of "canary-push-4716".
    await writeFile(
      users,
      "basic_auth_users:\n  backup: $2b$04$872tEroW4rfKefvxjzxhTuygiQ2lXelNZhz8/w9/F6Tb0UhGI5Dn2\n",
    );
    await using gateway = await startPushgateway(users);
    const right = await output(gateway, { username: "backup", password_env: "P" }, "canary-push-4716\n");
    await right.publish(published(["docs"]), signal);
    const wrong = await output(gateway, { username: "backup", password_env: "P" }, "canary-wrong-4717");
    await assert.rejects(wrong.publish(published(["docs"]), signal), (error: Error) => {
      assert.match(error.message, /^127\.0\.0\.1:\d+ answers 401: Unauthorized$/);
      return true;
    });
  });

  test("what a gateway does not take is told as it says it", async () => {
    await using gateway = await startPushgateway();
    const [docs] = published(["docs"]).jobs;
    assert.ok(docs !== undefined);
    const twice = { ...docs, samples: [...docs.samples, ...docs.samples] };
    const wrong = { ...published(["docs"]), jobs: [twice] };
    await assert.rejects((await output(gateway)).publish(wrong, signal), {
      code: "METRICS_REFUSED",
      message: /answers 400: .*was collected before/,
    });
  });
});

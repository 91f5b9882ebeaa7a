import assert from "node:assert/strict";
import { appendFile, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../support/free-port.ts";
import { pagerDuty } from "../../support/pagerduty-server.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { startSilentServer } from "../../support/silent-server.ts";
import { slackAnswer } from "../../support/slack-server.ts";
import { assertPlain, coreBackup, document, type Ended, paths, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

/** For what a busy machine is late. */
const BUSY_MS = 30_000;
const CANARY = "canary4711";
const KEY = `${CANARY}${"0".repeat(32 - CANARY.length)}`;

/** Of the run that was the only one. */
interface Manifest {
  readonly status: string;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

function manifestOf(ran: Ended): Manifest {
  const { runs } = document(ran) as { runs: Manifest[] };
  assert.ok(runs[0] !== undefined);
  return runs[0];
}

/** Nothing that is written anywhere may hold a secret. */
async function assertNoCanary(folder: string, ran: Ended): Promise<void> {
  assert.ok(!`${ran.stdout}${ran.stderr}`.includes(CANARY), "a secret was told");
  for (const path of await paths(folder)) {
    const content = await readFile(join(folder, path)).catch(() => Buffer.alloc(0));
    assert.ok(!content.includes(CANARY), `a secret is in ${path}`);
  }
}

test("a Slack that is dead, a mail server and a webhook that hang: the backup is good, and its manifest has the warnings", async (t) => {
  await using silent = await startSilentServer();
  const job = await filesJob(await temporaryFolder(t));
  await appendFile(
    job.config,
    `notifications:
  slack: { webhook_env: SLACK, timeout: 8s, on: [success] }
  email:
    host: 127.0.0.1
    port: ${silent.port}
    from: backups@example.com
    to: [ops@example.com]
    username: backups
    password_env: PASSWORD
    timeout: 8s
    on: [success]
  hook: { type: webhook, url_env: HOOK, success_url_env: HOOK, key_env: PASSWORD, timeout: 8s, on: [success] }
`,
  );
  const env = {
    SLACK: `http://127.0.0.1:${await freePort()}/services/${CANARY}`,
    PASSWORD: `${CANARY}-password`,
    HOOK: `http://127.0.0.1:${silent.port}/${CANARY}`,
  };
  const ran = await coreBackup(["run", "--json", "--config", job.config], { env });
  assert.equal(ran.code, 0, JSON.stringify(ran));
  assertPlain(ran);
  const stayed = await silent.stayed();
  assert.ok(stayed.length >= 2, "not both came in");
  for (const ms of stayed) assert.ok(ms < 8_000 + BUSY_MS, `${ms} ms`);
  const { status, warnings } = manifestOf(ran);
  assert.equal(status, "ok");
  assert.deepEqual(
    warnings.map(({ code, message }) => [code, message.replace(/:\d+ .*/, ":PORT …")]),
    [
      ["NOTIFIER_UNREACHABLE", "notifier slack: 127.0.0.1:PORT …"],
      ["NOTIFIER_UNREACHABLE", "notifier email: did not answer within 2 s"],
      ["NOTIFIER_UNREACHABLE", "notifier hook: did not answer within 2 s"],
    ],
  );
  const text = await coreBackup(["run", "--config", job.config], { env });
  assert.equal(text.code, 0, JSON.stringify(text));
  assert.match(text.stdout, /\ncould not be told:\n {2}slack: NOTIFIER_UNREACHABLE: 127/);
  await assertNoCanary(job.folder, ran);
  await assertNoCanary(job.folder, text);
});

test("a run that fails is one Slack message and one incident, and the next good one ends it", async (t) => {
  const path = `/services/T0/B0/${CANARY}`;
  const { answer, incidents } = pagerDuty(KEY);
  await using slack = await startRecordingServer(slackAnswer(path));
  await using pager = await startRecordingServer(answer);
  const job = await filesJob(await temporaryFolder(t));
  await appendFile(
    job.config,
    `notifications:
  slack: { webhook_env: SLACK }
  pagerduty: { routing_key_env: KEY, url: "${pager.url}/v2/enqueue" }
`,
  );
  const env = { SLACK: slack.url + path, KEY };
  const run = () => coreBackup(["run", "--config", job.config], { env });
  assert.equal((await run()).code, 0);
  assert.equal(slack.calls.length, 0);
  await rename(job.source, `${job.source}-gone`);
  const failed = await run();
  assert.equal(failed.code, 1, JSON.stringify(failed));
  assert.equal(slack.calls.length, 1);
  assert.match(
    slack.calls[0]?.body ?? "",
    /docs\* failed\\nwhat: .*last good: 20.*SOURCE_NOT_FOUND.*next: `core-backup show/,
  );
  assert.deepEqual(
    [...incidents.values()].map(({ open, triggers }) => [open, triggers]),
    [[true, 1]],
  );
  await rename(`${job.source}-gone`, job.source);
  assert.equal((await run()).code, 0);
  assert.match(slack.calls[1]?.body ?? "", /good again/);
  assert.deepEqual(
    [...incidents.values()].map(({ open }) => open),
    [false],
  );
  await assertNoCanary(job.folder, failed);
});

test("notify --test says of each notifier whether it took the message", async (t) => {
  const path = `/services/T0/B0/${CANARY}`;
  await using slack = await startRecordingServer(slackAnswer(path));
  const job = await filesJob(await temporaryFolder(t));
  await appendFile(
    job.config,
    "notifications:\n  slack: { webhook_env: SLACK }\n  other: { type: slack, webhook_env: OTHER }\n",
  );
  const env = { SLACK: slack.url + path, OTHER: `${slack.url}/services/wrong` };
  const all = await coreBackup(["notify", "--test", "--config", job.config], { env });
  assert.equal(all.code, 1, JSON.stringify(all));
  assert.match(all.stdout, /^slack +slack +sent\nother +slack +NOTIFIER_REFUSED: .* 404: no_service\n$/m);
  const one = await coreBackup(["notify", "--test", "slack", "--json", "--config", job.config], { env });
  assert.equal(one.code, 0, JSON.stringify(one));
  assert.deepEqual(document(one), [{ notifier: "slack", type: "slack", ok: true, sent: true, attempts: 1 }]);
  assert.match(slack.calls.at(-1)?.body ?? "", /\[TEST\]/);
  const wrong = await coreBackup(["notify", "--test", "slak", "--config", job.config], { env });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /has no notifier slak \(did you mean slack\?\)/);
});

test("looking at what is stored needs no secret of a notifier", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  await appendFile(job.config, "notifications:\n  slack: { webhook_env: NOT_SET_HERE }\n");
  assert.equal((await coreBackup(["list", "--config", job.config])).code, 0);
  assert.equal((await coreBackup(["run", "--config", job.config])).code, 2);
});

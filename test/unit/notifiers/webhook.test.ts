import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { NotifierError, TransientError } from "../../../lib/errors.ts";
import { CANARY, notifierContract } from "../../contract/notifier.ts";
import { aGoodJobReport, aJobReport, aReport } from "../../support/a-report.ts";
import { openedNotifier } from "../../support/opened-notifier.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { startSilentServer } from "../../support/silent-server.ts";

const never = new AbortController().signal;
const PATH = `/hooks/${CANARY}-hook`;
const plain = { type: "webhook", url_env: "HOOK" };
const pings = { type: "webhook", start_url_env: "START", success_url_env: "SUCCESS", failure_url_env: "FAILURE" };

notifierContract("webhook", {
  tellsGood: false,
  async make() {
    const server = await startRecordingServer(() => ({ status: 204 }));
    return {
      options: plain,
      env: { HOOK: server.url + PATH },
      received: async () => server.calls.map(({ body }) => body),
      markup: async () => [],
      stop: server.stop,
      [Symbol.asyncDispose]: server.stop,
    };
  },
  async silent() {
    const server = await startSilentServer();
    return { ...server, options: plain, env: { HOOK: `http://127.0.0.1:${server.port}${PATH}` } };
  },
});

test("the signature is one that openssl makes of the time, a full stop and the body", async () => {
  await using server = await startRecordingServer(() => ({ status: 200 }));
  const { notifier } = await openedNotifier({ ...plain, key_env: "KEY" }, { HOOK: server.url, KEY: "s3cret key" });
  await notifier.send(aReport(), never);
  const [call] = server.calls;
  assert.ok(call !== undefined);
  const time = String(call.headers["x-core-backup-timestamp"]);
  assert.equal(time, "1795662600");
  const hmac = execFileSync("openssl", ["dgst", "-sha256", "-hmac", "s3cret key", "-r"], {
    input: `${time}.${call.body}`,
  });
  assert.equal(call.headers["x-core-backup-signature"], `sha256=${hmac.toString().slice(0, 64)}`);
  assert.deepEqual(JSON.parse(call.body), JSON.parse(JSON.stringify(aReport())));
});

test("pings go to the address for how the run went, and stand in for nobody", async () => {
  await using server = await startRecordingServer(() => ({ status: 200 }));
  const env = { START: `${server.url}/id/start`, SUCCESS: `${server.url}/id`, FAILURE: `${server.url}/id/fail` };
  const { notifier } = await openedNotifier(pings, env);
  assert.equal(notifier.takesOver, false);
  await notifier.begin({ kind: "begin", jobs: ["docs"], at: "2026-11-26T03:00:00.000Z" }, never);
  for (const jobs of [[aGoodJobReport()], [aGoodJobReport(), aJobReport()]]) {
    await notifier.send(aReport(jobs), never);
    await notifier.ping?.(aReport(jobs), never);
  }
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/id/start", "/id", "/id/fail"],
  );
  await notifier.ping?.(aReport([], { kind: "test" }), never);
  assert.equal(server.calls.length, 3);
});

test("sending again after one of two addresses failed does not tell the other twice", async () => {
  await using server = await startRecordingServer(() => ({ status: 200 }));
  const { notifier } = await openedNotifier(
    { ...plain, failure_url_env: "FAILURE" },
    { HOOK: `${server.url}/all`, FAILURE: `${server.url}/fail` },
  );
  server.next.push({ status: 200 }, { status: 502 });
  const report = aReport();
  const tell = async () => {
    await notifier.send(report, never);
    await notifier.ping?.(report, never);
  };
  await assert.rejects(tell(), TransientError);
  assert.deepEqual(
    notifier.heardOf?.(report),
    report.jobs.map(({ job }) => job),
  );
  await tell();
  assert.deepEqual(
    server.calls.map(({ path }) => path),
    ["/all", "/fail", "/fail"],
  );
});

test("answers are told apart by whether trying again may help, and a redirect is not followed", async () => {
  await using server = await startRecordingServer(() => ({ status: 200 }));
  const { notifier } = await openedNotifier(plain, { HOOK: `${server.url}${PATH}` });
  server.next.push({ status: 429, headers: { "retry-after": "7" } });
  await assert.rejects(
    notifier.send(aReport(), never),
    (error) => error instanceof TransientError && error.retryAfterMs === 7000,
  );
  server.next.push({ status: 503, body: "come back" });
  await assert.rejects(notifier.send(aReport(), never), /^TransientError: 127\.0\.0\.1:\d+ answers 503: come back$/);
  for (const status of [400, 404, 302]) {
    server.next.push({ status, headers: { location: "/elsewhere" } });
    await assert.rejects(
      notifier.send(aReport(), never),
      (error) => error instanceof NotifierError && error.code === "NOTIFIER_REFUSED",
    );
  }
  assert.equal(server.calls.length, 5);
});

test("a secret that holds no address is refused without being told", async () => {
  const { notifier } = await openedNotifier(plain, { HOOK: "not an address" });
  await assert.rejects(notifier.send(aReport(), never), (error) => {
    return error instanceof NotifierError && !error.message.includes("not an address");
  });
});

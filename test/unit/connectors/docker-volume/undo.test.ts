import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseHost } from "../../../../lib/connectors/docker-volume/engine/host.ts";
import { type UndoLimits, undo } from "../../../../lib/connectors/docker-volume/hold/undo.ts";
import { type FakeEngine, refuse, startFakeEngine } from "../../../support/fake-engine.ts";

const BROKEN = refuse(500, "it is broken");
const HELPER = "GET /containers/h/json";

function undone({ host }: FakeEngine, limits: UndoLimits): Promise<void> {
  const place = { host: parseHost(host), name: host, ssh: { sshKeyFile: undefined, sshKnownHostsFile: undefined } };
  return undo({ place, undo: { helper: "h", limitMs: 1 } }, limits);
}

for (const [how, request, answer] of [
  ["does not answer any more", "GET /_ping", () => {}],
  ["fails at once", "GET /_ping", BROKEN],
  ["fails at what it is asked for", HELPER, BROKEN],
] as const) {
  test(`a guard whose Engine ${how} tries for its time, and ends without a connection left`, {
    timeout: 60_000,
  }, async () => {
    await using engine = await startFakeEngine();
    engine.answers[request] = answer;
    const began = performance.now();
    await undone(engine, { giveUpMs: 300, attemptMs: 100, pauseMs: 1 });
    assert.ok(performance.now() - began >= 300, engine.asked.join());
    while ((await engine.connections()) > 0) await delay(10);
  });
}

test("a guard whose Engine comes back undoes what there was, and asks no more", { timeout: 60_000 }, async () => {
  await using engine = await startFakeEngine();
  const tries = () => engine.asked.filter((one) => one === HELPER).length;
  const absent = refuse(404, "no such container");
  engine.answers[HELPER] = (...call) => (tries() < 3 ? BROKEN : absent)(...call);
  await undone(engine, { giveUpMs: 50_000, attemptMs: 50_000, pauseMs: 1 });
  assert.equal(tries(), 3);
});

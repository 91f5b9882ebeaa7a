import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHost } from "../../../../lib/connectors/docker-volume/engine/host.ts";
import { undo } from "../../../../lib/connectors/docker-volume/hold/undo.ts";
import { refuse, startFakeEngine } from "../../../support/fake-engine.ts";

const LIMITS = { giveUpMs: 300, attemptMs: 100, pauseMs: 1 };

for (const [how, answer] of [
  ["does not answer any more", () => {}],
  ["fails each time", refuse(500, "it is broken")],
] as const) {
  test(`a guard whose Engine ${how} tries for its time, and ends`, async () => {
    await using engine = await startFakeEngine();
    engine.answers["GET /_ping"] = answer;
    engine.answers["GET /containers/json"] = answer;
    await undo(
      {
        place: {
          host: parseHost(engine.host),
          name: engine.host,
          ssh: { sshKeyFile: undefined, sshKnownHostsFile: undefined },
        },
        undo: { helper: "h", limitMs: 1 },
      },
      LIMITS,
    );
    assert.ok(engine.asked.length > 0, engine.asked.join());
  });
}

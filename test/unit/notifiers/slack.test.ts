import assert from "node:assert/strict";
import { test } from "node:test";
import { slackMessage } from "../../../lib/notifiers/slack-blocks.ts";
import { CANARY, notifierContract } from "../../contract/notifier.ts";
import { aGoodJobReport, aJobReport, aReport } from "../../support/a-report.ts";
import { golden } from "../../support/golden.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { startSilentServer } from "../../support/silent-server.ts";
import { slackAnswer } from "../../support/slack-server.ts";

const PATH = `/services/T0/B0/${CANARY}-slack`;
const options = { type: "slack", webhook_env: "HOOK" };

notifierContract("slack", {
  tellsGood: true,
  async make() {
    const server = await startRecordingServer(slackAnswer(PATH));
    const received = async () =>
      server.calls.filter((call) => slackAnswer(PATH)(call).status === 200).map(({ body }) => body);
    return {
      options,
      env: { HOOK: server.url + PATH },
      received,
      // A heading is plain text, and shown as it stands.
      markup: async () => (await received()).map((body) => body.replace(/"plain_text","text":"[^"]*(\\"[^"]*)*"/, "")),
      stop: server.stop,
      [Symbol.asyncDispose]: server.stop,
    };
  },
  async silent() {
    const server = await startSilentServer();
    return { ...server, options, env: { HOOK: `http://127.0.0.1:${server.port}${PATH}` } };
  },
});

test("what Slack shows of a failing job, of many, and of one that is good again", async () => {
  const many = Array.from({ length: 40 }, (_, n) => aJobReport({ job: `job-${n}` }));
  const messages = {
    one: slackMessage(aReport([aJobReport({ link: "https://backups.example.com/docs?a=1&b=2" })])),
    "good again": slackMessage(aReport([aGoodJobReport()], { notes: ["mail could not be told: it does not answer"] })),
    test: slackMessage(aReport([], { kind: "test" })),
    "forty, the headings": slackMessage(aReport(many)).blocks.map((block) => JSON.stringify(block).slice(0, 120)),
  };
  await golden("messages/slack.json", `${JSON.stringify(messages, null, 2)}\n`);
});

test("a section that is too long keeps its last line, which says what to type", () => {
  const errors = Array.from({ length: 8 }, () => ({ code: "SOURCE_FAILED" as const, message: "<".repeat(500) }));
  const [, block] = slackMessage(aReport([aJobReport({ errors, summary: "&".repeat(500) })])).blocks;
  assert.ok(block?.type === "section");
  assert.ok(block.text.text.length <= 3000);
  assert.match(block.text.text, /… \d+ more lines\nnext: `core-backup show /);
});

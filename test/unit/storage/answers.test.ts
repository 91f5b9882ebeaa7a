import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { answerCheck } from "../../../lib/storage/answers.ts";

/** A program that looks at a folder as a call does at a share whose server is away: it does not come back. */
const HANGS = [process.execPath, "-e", "setTimeout(() => {}, 3_600_000)"] as const;
const LIMIT_MS = 1_000;
const children = () => process.getActiveResourcesInfo().filter((one) => one === "ProcessWrap");

test("a file system that does not answer is told in time to all who ask, by one program that is ended", async () => {
  const options = { limitMs: LIMIT_MS, program: HANGS };
  const [check, other] = [answerCheck("/gone", options), answerCheck("/gone/", options)];
  const all = Promise.allSettled([check(), check(), other()]);
  const programs = children();
  assert.equal(programs.length, 1);
  for (const asked of await all) {
    assert.ok(asked.status === "rejected");
    assert.equal(asked.reason.name, "TransientError");
    assert.match(asked.reason.message, /^the file system of \/gone has not answered within 1 s/);
  }
  while (children().length > 0) await delay(20);
});

test("one that answers is let pass, also where there is nothing or no program to ask with", async () => {
  await answerCheck("/")();
  await answerCheck("/there/is/no/such/folder")();
  await answerCheck("/", { program: ["/no/such/program"] })();
  // Node throws here, as it does where there is no memory for a process.
  await answerCheck("/", { program: ["stat", "\0"] })();
});

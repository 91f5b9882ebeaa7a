import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../../../lib/errors.ts";
import { wasGivenUp } from "../../../lib/retry.ts";
import { answerCheck } from "../../../lib/storage/answers.ts";
import { temporaryFolder } from "../../support/stores.ts";

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

test("who is told to stop waits no longer for it, and others do", async () => {
  const stop = new AbortController();
  const options = { limitMs: LIMIT_MS, program: HANGS };
  const [stopped, other] = [answerCheck("/asked", { ...options, signal: stop.signal }), answerCheck("/asked", options)];
  let isAnswered = false;
  const both = [stopped(), other().finally(() => (isAnswered = true))];
  stop.abort(new Error("told to stop"));
  await assert.rejects(both[0] ?? Promise.resolve(), /told to stop/);
  assert.equal(isAnswered, false);
  await assert.rejects(both[1] ?? Promise.resolve(), /has not answered within 1 s/);
  while (children().length > 0) await delay(20);
});

test("who was told to stop before has nobody look", async () => {
  const options = { limitMs: LIMIT_MS, program: HANGS, signal: AbortSignal.abort(new Error("told to stop")) };
  await assert.rejects(answerCheck("/stopped", options)(), /told to stop/);
  assert.deepEqual(children(), []);
});

test("one that answers is let pass, also where there is nothing or no program to ask with", async () => {
  await answerCheck("/")();
  await answerCheck("/there/is/no/such/folder")();
  await answerCheck("/", { program: ["/no/such/program"] })();
  // Node throws here, as it does where there is no memory for a process.
  await answerCheck("/", { program: ["stat", "\0"] })();
});

test("the file system is asked itself, and not what is known of its folder", {
  skip: process.platform !== "linux",
}, async (t) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "stat"), `#!/bin/sh\necho "$*" > "${folder.path}/asked"\n`, { mode: 0o755 });
  const { PATH = "" } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
  });
  process.env.PATH = `${folder.path}:${PATH}`;
  await answerCheck("/srv/share")();
  assert.equal(await readFile(join(folder.path, "asked"), "utf8"), "-L -f /srv/share\n");
});

test("one that was silent for minutes is asked once a minute; in between calls fail at once, and are not tried again", async (t) => {
  let seconds = 0;
  t.mock.method(performance, "now", () => seconds * 1_000);
  const check = answerCheck("/silent", { limitMs: 20, program: HANGS });
  const look = async () => {
    while (children().length > 0) await delay(20);
    const asked = check();
    const isAsked = children().length > 0;
    const error = await asked.catch((reason: unknown) => reason);
    assert.ok(error instanceof TransientError && error.code === "STORAGE_FAILED");
    return [seconds, isAsked ? "asked" : "at once", wasGivenUp(error) ? "given up" : "tried again"].join(", ");
  };
  const found: string[] = [];
  for (seconds of [0, 60, 120, 179, 180, 181, 239, 240, 241]) found.push(await look());
  assert.deepEqual(found, [
    "0, asked, tried again",
    "60, asked, tried again",
    "120, asked, tried again",
    "179, asked, tried again",
    "180, asked, given up",
    "181, at once, given up",
    "239, at once, given up",
    "240, asked, given up",
    "241, at once, given up",
  ]);
  seconds = 300;
  await answerCheck("/silent", { program: ["true"] })();
  assert.equal(await look(), "300, asked, tried again", "once it had answered");
  seconds = 480;
  assert.equal(await look(), "480, asked, tried again", "of the time before nothing was known");
});

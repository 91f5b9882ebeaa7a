import assert from "node:assert/strict";
import { test } from "node:test";
import { type MadePage, statusPage } from "../../../cli/status-page.ts";
import { page, withNotice } from "../../../lib/page/page.ts";
import { silentLog } from "../../support/logs.ts";

const EMPTY = { jobs: [], bytes: 0, snapshots: 0, storedDays: [], span: 60, config: "core-backup.yml" };
const TOOL = { schemaVersion: 1, tool: { name: "core-backup", version: "0" } } as const;

const aPageOf = (at: Date): MadePage => ({ at, text: page({ ...TOOL, ...EMPTY, at: at.toISOString() }) });

/** `end` ends the making that goes on: with a page of then, or with why there is none. */
function aPage({ kept }: { readonly kept?: Date } = {}) {
  const clock = { time: Date.parse("2026-11-27T03:00:00Z") };
  const warned: string[] = [];
  const ended = new AbortController();
  let end: (error?: Error) => void = () => {};
  const log = { ...silentLog, warn: (message: string) => warned.push(message) };
  const shown = statusPage({ now: () => new Date(clock.time), log, signal: ended.signal }, (older) => {
    const at = new Date(clock.time);
    if (kept !== undefined) older(aPageOf(kept));
    return new Promise<MadePage>((made, failed) => {
      end = (error) => (error === undefined ? made(aPageOf(at)) : failed(error));
    });
  });
  const wait = (ms: number) => {
    clock.time += ms;
  };
  const done = async (error?: Error) => {
    end(error);
    await new Promise((settled) => setImmediate(settled));
  };
  return { shown, wait, done, warned, stop: () => ended.abort() };
}

const noticeOf = (text: string): string | undefined => /class="notice" role="status">([^<]*)</.exec(text)?.[1];

test("before there is a page it is said that one is made, and the browser comes back by itself", async () => {
  const { shown, wait, done } = aPage();
  shown();
  wait(12_000);
  const { text, ...waiting } = shown();
  assert.deepEqual(waiting, { isPage: false, againSeconds: 2 });
  assert.equal(noticeOf(text), "The page is being made, since 12 s.");
  await done();
  const made = shown();
  assert.equal(made.isPage, true);
  assert.ok(made.againSeconds === undefined && noticeOf(made.text) === undefined && /all well/.test(made.text));
});

test("after a night the last page is shown at once, with its age, until the newer one is there", async () => {
  const { shown, wait, done } = aPage();
  shown();
  wait(20_000);
  await done();
  wait(10 * 3_600_000 - 20_000);
  const { text, ...old } = shown();
  assert.deepEqual(old, { isPage: true, againSeconds: 20 });
  assert.equal(noticeOf(text), "This is how it was 10 h 00 min ago. A newer page is being made, since 0.0 s.");
  wait(19_000);
  assert.equal(shown().againSeconds, 2);
  await done();
  assert.equal(noticeOf(shown().text), undefined);
});

test("one that was kept is shown with its age until the first is made, and never in place of a newer one", async () => {
  const { shown, wait, done } = aPage({ kept: new Date("2026-11-27T01:00:00Z") });
  const { text, ...kept } = shown();
  assert.deepEqual(kept, { isPage: true, againSeconds: 2 });
  assert.equal(noticeOf(text), "This is how it was 2 h 00 min ago. A newer page is being made, since 0.0 s.");
  await done();
  assert.equal(noticeOf(shown().text), undefined);
  wait(60_000);
  assert.match(noticeOf(shown().text) ?? "", /^This is how it was 1 min 00 s ago\./);
  await done();
});

test("a browser that comes back for a page that takes long finds it, and has no other one made", async () => {
  const { shown, wait, done } = aPage();
  shown();
  wait(120_000);
  await done();
  wait(3_600_000);
  assert.equal(shown().againSeconds, 60);
  for (const seconds of [60, 58, 2]) {
    assert.ok(noticeOf(shown().text) !== undefined);
    wait(seconds * 1_000);
  }
  await done();
  wait(2_000);
  const { text, ...there } = shown();
  assert.deepEqual([noticeOf(text), there], [undefined, { isPage: true }]);
  wait(28_000);
  assert.match(noticeOf(shown().text) ?? "", /^This is how it was 2 min 30 s ago\. A newer page is being made/);
  await done();
});

test("a page that cannot be made says so, with the last one beside it, and the log says why, once until it can be made or is something else", async () => {
  const { shown, wait, done, warned, stop } = aPage();
  shown();
  await done(new Error("no way in"));
  assert.equal(
    noticeOf(shown().text),
    "The page could not be made at 2026-11-27 03:00:00 +00:00: the log says why. It is tried again.",
  );
  assert.deepEqual(shown().againSeconds, 30);
  wait(30_000);
  assert.match(noticeOf(shown().text) ?? "", /could not be made .* The page is being made, since 0\.0 s\.$/);
  await done();
  wait(60_000);
  shown();
  await done(new Error("no way in"));
  assert.match(noticeOf(shown().text) ?? "", /^This is how it was 1 min 00 s ago\. A newer page could not be made at /);
  assert.deepEqual(warned, Array(2).fill("the page cannot be made: no way in"));
  for (const why of ["no way in", "no way in", "no room"]) {
    wait(30_000);
    shown();
    await done(new Error(why));
  }
  assert.deepEqual(warned.slice(2), ["the page cannot be made: no room"]);
  wait(60_000);
  shown();
  stop();
  await done(new Error("ended"));
  assert.equal(warned.length, 3, "the end of serve was told as a failure");
});

test("a page in which no notice can be put is not shown without one", () => {
  assert.throws(() => withNotice("<h1>Backups: all well</h1>", "This is how it was."), /where in the page/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { startEndpoints } from "../../../cli/endpoints.ts";
import { nextPages } from "../../../cli/next-page.ts";
import type { MadePage } from "../../../cli/status-page.ts";
import type { Backup } from "../../../lib/backup.ts";
import { bytesOf } from "../../../lib/bytes.ts";
import type { Service } from "../../../lib/scheduling/serve.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { tool } from "../../../lib/tool.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { silentLog } from "../../support/logs.ts";

const CONFIG_CHANGES = { max_jobs: 7 } as const;
const LOCAL = { host: "127.0.0.1", port: 0 } as const;
const IDLE = {
  jobs: () => [],
  runs: () => 0,
  refused: () => undefined,
  lastLook: () => new Date(),
  reload: async () => {},
  ended: Promise.resolve(),
} as const;
const HTML = { headers: { accept: "text/html" } };

test("the page that was made last is kept on this machine, and shown by the next process until it has made one", async () => {
  const machine = memoryStorage();
  const { backup, later } = aBackup();
  const of = { ...backup, machine };
  const made = await pageOf(of);
  assert.deepEqual(made.older, []);
  later(3_600);
  const next = await pageOf(of);
  assert.deepEqual(next.older, [made.page]);
  assert.notEqual(next.page.text, made.page.text);
  const [key = ""] = (await Array.fromAsync(machine.list(""))).map((object) => object.key);
  const { content } = await machine.read(key, 1_000_000);
  for (const [why, other] of [
    ["of another configuration", { ...of, config: { ...of.config, ...CONFIG_CHANGES } }],
    ["of a clock that was ahead", { ...of, now: () => new Date(next.page.at.getTime() - 1) }],
    ["older than a day", { ...of, now: () => new Date(next.page.at.getTime() + 86_400_000) }],
  ] as const) {
    await machine.put(key, bytesOf(content));
    assert.deepEqual((await pageOf(other)).older, [], why);
  }
  const { version } = tool;
  try {
    await machine.put(key, bytesOf(content));
    Object.assign(tool, { version: "0.0.0-another" });
    assert.deepEqual((await pageOf(of)).older, [], "of another version");
  } finally {
    Object.assign(tool, { version });
  }
  await machine.put(key, bytesOf(content));
  const storage = Promise.withResolvers<never>();
  const hangs = { ...of, storage: () => storage.promise };
  const endpoints = await startEndpoints({
    ...LOCAL,
    now: of.now,
    signal: new AbortController().signal,
    log: silentLog,
  });
  try {
    endpoints.show({ ...IDLE, config: () => of.config, using: async (work) => work(hangs) });
    let shown = await fetch(endpoints.url, HTML);
    while (shown.status === 503) shown = await fetch(endpoints.url, HTML);
    assert.match(await shown.text(), /This is how it was 0\.0 s ago\. A newer page is being made, since 0\.0 s\.</);
  } finally {
    storage.reject(new Error("over"));
    await endpoints.close();
  }
  const damaged = Buffer.from(content).toString().replace("all well", "all wel!");
  await machine.put(key, bytesOf(damaged));
  assert.deepEqual((await pageOf(of)).older, [], "damaged");
});

test("the page on this machine is read once, and written every ten minutes or under another configuration", async () => {
  const machine = memoryStorage();
  const { backup, later } = aBackup();
  const calls: string[] = [];
  const read: Storage["read"] = (key, most) => machine.read(key, most).finally(() => calls.push("read"));
  const put: Storage["put"] = (key, body) => machine.put(key, body).finally(() => calls.push("put"));
  const of = { ...backup, machine: { ...machine, read, put } };
  const next = nextPages(60_000);
  const made = async (one: Backup) => {
    calls.length = 0;
    await pageOf(one, next);
    return [...calls];
  };
  assert.deepEqual(await made(of), ["read", "put"]);
  later(599);
  assert.deepEqual(await made(of), []);
  later(1);
  assert.deepEqual(await made(of), ["put"]);
  assert.deepEqual(await made({ ...of, config: { ...of.config, ...CONFIG_CHANGES } }), ["put"]);
});

test("a folder of this machine that hangs holds up the page once, for ten seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { backup } = aBackup();
  let asked = 0;
  const hangs = () => new Promise<never>(() => (asked += 1));
  const of = { ...backup, machine: { ...memoryStorage(), read: hangs, put: hangs } };
  const next = nextPages(60_000);
  const first = pageOf(of, next);
  while (asked === 0) await turn();
  t.mock.timers.tick(10_000);
  // That what is late is left behind is a timer of its own.
  t.mock.timers.tick(1);
  assert.match((await first).page.text, /all well|not well/);
  await pageOf(of, next);
  assert.equal(asked, 1);
});

test("the page is begun before anyone asks, and until it is there a browser is told to come back", async () => {
  const { backup } = aBackup();
  const begun: (() => void)[] = [];
  const service: Service = {
    ...IDLE,
    config: () => backup.config,
    using: async (work) => {
      await new Promise<void>((goOn) => begun.push(goOn));
      return work(backup);
    },
  };
  const { signal } = new AbortController();
  const endpoints = await startEndpoints({ ...LOCAL, now: () => new Date(), signal, log: silentLog });
  try {
    endpoints.show(service);
    assert.equal(begun.length, 1);
    const waiting = await fetch(endpoints.url, HTML);
    assert.deepEqual([waiting.status, waiting.headers.get("refresh")], [503, "2"]);
    assert.match(await waiting.text(), /<p class="notice" role="status">The page is being made, since .* s\.<\/p>/);
    begun[0]?.();
    let page = await fetch(endpoints.url, HTML);
    while (page.status === 503) page = await fetch(endpoints.url, HTML);
    assert.deepEqual([page.status, page.headers.get("refresh")], [200, null]);
    assert.match(await page.text(), /<h2 id="job-0">docs<\/h2>/);
    assert.equal(begun.length, 1, "made more than once");
  } finally {
    await endpoints.close();
  }
});

test("of a storage that hangs every scrape is answered, but for those of the first four minutes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { backup } = aBackup();
  let begun = 0;
  const hangs = { ...backup, storage: () => new Promise<never>(() => (begun += 1)) };
  let isPage = true;
  let time = Date.parse("2026-11-22T03:00:00Z");
  const endpoints = await startEndpoints({
    ...LOCAL,
    now: () => new Date(time),
    signal: new AbortController().signal,
    log: silentLog,
  });
  const scrape = async () => {
    // Real time: who is not answered is not for as long as the clock of this test stands still.
    const answer = await fetch(`${endpoints.url}metrics`, { signal: AbortSignal.timeout(20_000) });
    assert.match(await answer.text(), /^core_backup_storage_readable\{backup_job="docs"\} 0$/m);
  };
  try {
    endpoints.show({
      ...IDLE,
      config: () => backup.config,
      using: async (work) => {
        if (!isPage) return work(hangs);
        isPage = false;
        return new Promise<never>(() => {});
      },
    });
    const first = scrape();
    while (begun === 0) await turn();
    for (let minute = 1; minute <= 20; minute += 1) {
      time += 60_000;
      // A round that ends now ends right after it.
      if (minute > 4) await scrape();
      t.mock.timers.tick(60_000);
      if (minute === 4) await first;
    }
    assert.ok(begun >= 4, `${begun} rounds`);
  } finally {
    await endpoints.close();
  }
});

test("a run that goes on past its job's next time is said where it is said what is to be known", async () => {
  const { backup } = aBackup({ jobs: [aJob({ name: "slow", schedule: "0 * * * *" }), aJob({ name: "long" })] });
  const since = new Date("2026-11-22T02:58:00Z");
  const running = ["slow", "long"].map(
    (job) => ({ job, state: "running", since, next: undefined, last: undefined }) as const,
  );
  let now = new Date("2026-11-22T02:59:00Z");
  const endpoints = await startEndpoints({
    ...LOCAL,
    now: () => now,
    signal: new AbortController().signal,
    log: silentLog,
  });
  const ready = async () => (await fetch(`${endpoints.url}readyz`)).text();
  try {
    endpoints.show({ ...IDLE, config: () => backup.config, using: async (work) => work(backup), jobs: () => running });
    assert.equal(await ready(), "ready\n");
    now = new Date("2026-11-22T03:00:00Z");
    assert.equal(
      await ready(),
      "ready\nslow: runs, or waits for room, since 2026-11-22T02:58:00.000Z, and its next time has passed\n",
    );
  } finally {
    await endpoints.close();
  }
});

/** The next one, of another process where `next` is not given, and what was given to be shown until it was made. */
async function pageOf(
  backup: Backup,
  next = nextPages(60_000),
): Promise<{ readonly page: MadePage; readonly older: readonly MadePage[] }> {
  const older: MadePage[] = [];
  const page = await next(backup, (one) => older.push(one));
  return { page, older };
}

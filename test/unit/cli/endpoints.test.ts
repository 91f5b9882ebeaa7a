import assert from "node:assert/strict";
import { test } from "node:test";
import { startEndpoints } from "../../../cli/endpoints.ts";
import type { Service } from "../../../lib/scheduling/serve.ts";
import { aBackup } from "../../support/a-backup.ts";
import { silentLog } from "../../support/logs.ts";

const HTML = { headers: { accept: "text/html" } };

test("the page is begun before anyone asks, and until it is there a browser is told to come back", async () => {
  const { backup } = aBackup();
  const begun: (() => void)[] = [];
  const service: Service = {
    config: () => backup.config,
    using: async (work) => {
      await new Promise<void>((goOn) => begun.push(goOn));
      return work(backup);
    },
    jobs: () => [],
    runs: () => 0,
    refused: () => undefined,
    lastLook: () => new Date(),
    reload: async () => {},
    ended: Promise.resolve(),
  };
  const { signal } = new AbortController();
  const endpoints = await startEndpoints({ host: "127.0.0.1", port: 0, now: () => new Date(), signal, log: silentLog });
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

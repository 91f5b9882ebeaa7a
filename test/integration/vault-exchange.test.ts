import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { InterruptedError } from "../../lib/errors.ts";
import { createExchange } from "../../lib/secrets/vault-exchange.ts";

const never = new AbortController().signal;

async function withServer(listener: RequestListener, work: (url: URL) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/kv/data/app`));
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

test("a request arrives with its method, path, headers and body, and the reply with its status", async () => {
  const listener: RequestListener = (request, response) => {
    const { method, url, headers } = request;
    response.writeHead(418, { "retry-after": "3" }).write(`${method} ${url} ${headers["x-a"]} `);
    request.pipe(response);
  };
  await withServer(listener, async (url) => {
    const exchange = createExchange(undefined, never);
    const post = await exchange({ method: "POST", url, headers: { "x-a": "b" }, body: "ö" });
    assert.deepEqual([post.status, post.headers["retry-after"], post.text], [418, "3", "POST /v1/kv/data/app b ö"]);
    assert.equal((await exchange({ method: "GET", url, headers: {} })).text, "GET /v1/kv/data/app undefined ");
  });
});

test("a server that does not answer is given up after the time allowed", async () => {
  await withServer(
    () => {},
    async (url) => {
      const exchange = createExchange(undefined, never, { timeoutMs: 50 });
      await assert.rejects(exchange({ method: "GET", url, headers: {} }), { code: "ETIMEDOUT" });
    },
  );
});

test("a server that falls silent within its reply is given up as well", async () => {
  await withServer(
    (_, response) => response.write("{"),
    async (url) => {
      const exchange = createExchange(undefined, never, { timeoutMs: 200 });
      await assert.rejects(exchange({ method: "GET", url, headers: {} }), { code: "ETIMEDOUT" });
    },
  );
});

test("a reply that is cut off is no reply", async () => {
  await withServer(
    (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"data":', () => response.destroy());
    },
    async (url) => {
      const exchange = createExchange(undefined, never);
      await assert.rejects(exchange({ method: "GET", url, headers: {} }), { code: "ECONNRESET" });
    },
  );
});

test("a reply without end is not read to its end", async () => {
  await withServer(
    (_, response) => {
      const more = (): unknown => response.destroyed || response.write("x".repeat(65_536), () => more());
      more();
    },
    async (url) => {
      const exchange = createExchange(undefined, never);
      await assert.rejects(exchange({ method: "GET", url, headers: {} }), RangeError);
    },
  );
});

for (const [when, listener] of [
  ["before", () => {}],
  ["within", (_, response) => response.write("{")],
] as const satisfies readonly (readonly [string, RequestListener])[]) {
  test(`a run that is told to stop ${when} the reply stops waiting, with its own reason`, {
    timeout: 5_000,
  }, async () => {
    await withServer(listener, async (url) => {
      const controller = new AbortController();
      const reply = createExchange(undefined, controller.signal, { timeoutMs: 600_000 })({
        method: "GET",
        url,
        headers: {},
      });
      setTimeout(() => controller.abort(new InterruptedError("SIGTERM")), 50);
      await assert.rejects(reply, { name: "InterruptedError" });
    });
  });
}

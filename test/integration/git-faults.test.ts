import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { type CodedError, type ErrorCode, SourceError, TransientError } from "../../lib/errors.ts";
import { backUp, type Entry } from "../support/git-backup.ts";
import { aGitFolder, aRepository } from "../support/git-repository.ts";
import { startGitServer, startWitness } from "../support/git-server.ts";

const SECRET = "s3cret-canary";

async function scene() {
  const folder = await aGitFolder();
  await aRepository(folder.path, { bigFileBytes: 200_000 });
  const server = await startGitServer(folder.path);
  return {
    folder: folder.path,
    server,
    url: `${server.url}/app.git`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function failure(entry: Entry, folder: string, signal?: AbortSignal): Promise<CodedError> {
  const thrown: unknown = await backUp(entry, folder, signal).then(
    () => undefined,
    (error) => error,
  );
  assert.ok(thrown instanceof Error, "it did not fail");
  assert.ok(!`${thrown.message}${thrown.stack}${String(thrown.cause)}`.includes(SECRET), "the secret is in the error");
  assert.ok(thrown instanceof SourceError || thrown instanceof TransientError, thrown.stack);
  return thrown;
}

describe("an answer of a web server that is not 200", () => {
  const statuses: readonly [number, Record<string, string>, ErrorCode, boolean][] = [
    [401, { "www-authenticate": "Basic" }, "SOURCE_UNAUTHORIZED", false],
    [403, {}, "SOURCE_FORBIDDEN", false],
    [403, { "retry-after": "7" }, "SOURCE_RATE_LIMITED", true],
    [403, { "x-ratelimit-remaining": "0" }, "SOURCE_RATE_LIMITED", true],
    [404, {}, "SOURCE_NOT_FOUND", false],
    [410, {}, "SOURCE_NOT_FOUND", false],
    [418, {}, "SOURCE_PROTOCOL", false],
    [429, { "retry-after": "7" }, "SOURCE_RATE_LIMITED", true],
    [500, {}, "SOURCE_UNAVAILABLE", true],
    [502, {}, "SOURCE_UNAVAILABLE", true],
    [503, { "retry-after": "7" }, "SOURCE_UNAVAILABLE", true],
  ];
  for (const [status, headers, code, retryable] of statuses) {
    for (const method of ["GET", "POST"]) {
      test(`${status} ${JSON.stringify(headers)} to a ${method} is ${code}`, async () => {
        await using at = await scene();
        at.server.switches.answer = (request, response) => {
          if (request.method !== method) return false;
          response.writeHead(status, headers).end(`<p>${SECRET}</p>`);
          return true;
        };
        const error = await failure({ url: at.url, token_env: "TOKEN" }, at.folder);
        assert.equal(error.code, code);
        assert.equal(error instanceof TransientError, retryable);
        if (error instanceof TransientError)
          assert.equal(error.retryAfterMs, headers["retry-after"] === undefined ? 0 : 7000);
      });
    }
  }

  test("a date in Retry-After is the time until then", async () => {
    await using at = await scene();
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    at.server.switches.answer = (_, response) => answered(response.writeHead(503, { "retry-after": date }));
    const error = await failure(at.url, at.folder);
    assert.ok(error instanceof TransientError && error.retryAfterMs > 3_500_000 && error.retryAfterMs <= 3_600_000);
  });
});

describe("credentials", () => {
  test("a token is sent as Basic x-access-token, and another user name where it is given", async () => {
    await using at = await scene();
    await backUp({ url: at.url, token_env: "TOKEN" }, at.folder);
    await backUp({ url: at.url, username: "oauth2", token_env: "TOKEN" }, at.folder);
    await backUp({ url: at.url, username: "ann", password_env: "PASSWORD" }, at.folder);
    const users = at.server.seen.map(({ authorization }) => atob((authorization ?? "").replace("Basic ", "")));
    assert.deepEqual([...new Set(users)], [`x-access-token:${SECRET}`, `oauth2:${SECRET}`, `ann:${SECRET}`]);
  });

  test("without credentials none are sent, and every request says who asks", async () => {
    await using at = await scene();
    await backUp(at.url, at.folder);
    for (const { authorization, userAgent } of at.server.seen) {
      assert.equal(authorization, undefined);
      assert.match(userAgent ?? "", /^core-backup\/\d+\.\d+\.\d+/);
    }
  });

  test("plain files are cloned with the same credentials", async () => {
    await using at = await scene();
    at.server.switches.protocol = "dumb";
    at.server.switches.answer = (request, response) =>
      request.headers.authorization === undefined && answered(response.writeHead(401, { "www-authenticate": "Basic" }));
    const { gitSync } = await import("../support/git-repository.ts");
    gitSync(`${at.folder}/app.git`, ["update-server-info"]);
    const made = await backUp({ url: at.url, token_env: "TOKEN" }, at.folder);
    assert.deepEqual(
      made.warnings.map(({ code }) => code),
      ["GIT_DUMB_HTTP"],
    );
    assert.ok(at.server.seen.some(({ userAgent }) => userAgent?.startsWith("git/")));
  });
});

describe("a redirect", () => {
  test("to another host is not followed, and the credentials do not arrive there", async () => {
    await using at = await scene();
    await using witness = await startWitness();
    at.server.switches.answer = (request, response) =>
      answered(response.writeHead(302, { location: `${witness.url}${request.url}` }));
    const error = await failure({ url: at.url, token_env: "TOKEN" }, at.folder);
    assert.equal(error.code, "SOURCE_REDIRECTED");
    assert.ok(error.message.includes(new URL(witness.url).host));
    assert.deepEqual(witness.seen, []);
  });

  test("of the request for a pack is not followed, wherever it leads", async () => {
    await using at = await scene();
    at.server.switches.answer = (request, response) =>
      request.method === "POST" && answered(response.writeHead(307, { location: `${at.server.url}${request.url}` }));
    assert.equal((await failure(at.url, at.folder)).code, "SOURCE_REDIRECTED");
  });

  test("inside the host is followed for the first request, and all later ones go to the new place", async () => {
    await using at = await scene();
    at.server.switches.answer = (request, response) =>
      (request.url ?? "").startsWith("/old.git/") &&
      answered(response.writeHead(301, { location: (request.url ?? "").replace("/old.git/", "/app.git/") }));
    await backUp({ url: `${at.server.url}/old.git`, token_env: "TOKEN" }, at.folder);
    assert.ok(at.server.seen.every(({ method, url }) => method === "GET" || url === "/app.git/git-upload-pack"));
  });

  test("to a page to sign in, and one in a circle, are named", async () => {
    await using at = await scene();
    at.server.switches.answer = (_, response) => answered(response.writeHead(302, { location: "/users/sign_in" }));
    const signIn = await failure(at.url, at.folder);
    assert.equal(signIn.code, "SOURCE_REDIRECTED");
    assert.match(signIn.message, /\/users\/sign_in/);
    at.server.switches.answer = (request, response) => answered(response.writeHead(302, { location: request.url }));
    assert.match((await failure(at.url, at.folder)).message, /circle/);
  });
});

describe("an answer that is not git's", () => {
  test("an HTML page with 200 is refused", async () => {
    await using at = await scene();
    at.server.switches.answer = (_, response) => html(response);
    assert.deepEqual(await codeAndMatch(at, /text\/html/), ["SOURCE_PROTOCOL", true]);
  });

  test("the same to the request for a pack is refused", async () => {
    await using at = await scene();
    at.server.switches.answer = (request, response) => request.method === "POST" && html(response);
    assert.deepEqual(await codeAndMatch(at, /text\/html/), ["SOURCE_PROTOCOL", true]);
  });

  test("plain text that is no list of refs, and packets that are none, are refused", async () => {
    await using at = await scene();
    at.server.switches.answer = (_, response) =>
      answered(response.writeHead(200, { "content-type": "text/plain" }), "hello");
    assert.equal((await failure(at.url, at.folder)).code, "SOURCE_PROTOCOL");
    const type = { "content-type": "application/x-git-upload-pack-advertisement" };
    at.server.switches.answer = (_, response) => answered(response.writeHead(200, type), "<html>not found</html>");
    assert.equal((await failure(at.url, at.folder)).code, "SOURCE_PROTOCOL");
    at.server.switches.answer = (_, response) => answered(response.writeHead(200, type), "");
    assert.equal((await failure(at.url, at.folder)).code, "SOURCE_TRUNCATED");
  });

  test("an ERR packet is thrown as what it says", async () => {
    await using at = await scene();
    const says: readonly [string, ErrorCode][] = [
      ["Repository not found.", "SOURCE_NOT_FOUND"],
      ["access denied or repository not exported: /x", "SOURCE_FORBIDDEN"],
      ["upload-pack: not our ref 0000", "SOURCE_UNAVAILABLE"],
      ["upload-pack: aborting due to possible repository corruption on the remote side.", "SOURCE_CORRUPT"],
      ["the disk is on fire", "SOURCE_FAILED"],
    ];
    for (const [text, code] of says) {
      const type = { "content-type": "application/x-git-upload-pack-result" };
      at.server.switches.answer = (request, response) =>
        request.method === "POST" && answered(response.writeHead(200, type), packet(`ERR ${text}`));
      assert.equal((await failure(at.url, at.folder)).code, code);
    }
  });
});

for (const protocol of ["v2", "v0"] as const) {
  describe(`a pack by ${protocol}`, () => {
    test("that is cut anywhere is SOURCE_TRUNCATED, whether the connection breaks or just ends", async () => {
      await using at = await scene();
      at.server.switches.protocol = protocol;
      // From the end, for git does not cut its answer into the same packets each time.
      for (const cut of [1, 9, 40, 200, 70_000, -30, -5, -1]) {
        for (const end of [false, true]) {
          at.server.switches.mangle = (body) => ({ body: body.subarray(0, cut), end });
          const error = await failure(at.url, at.folder);
          assert.deepEqual(
            [cut, end, error.code, error instanceof TransientError],
            [cut, end, "SOURCE_TRUNCATED", true],
          );
        }
      }
    });

    test("whose trailer, header or content was changed is SOURCE_CORRUPT", async () => {
      await using at = await scene();
      at.server.switches.protocol = protocol;
      const changes: readonly ((pack: Buffer) => Buffer)[] = [
        (pack) => flip(pack, pack.byteLength - 1),
        (pack) => flip(pack, 11),
        (pack) => flip(pack, 0),
        (pack) => flip(pack, 5),
        (pack) => flip(pack, 1000),
        (pack) => pack.subarray(0, pack.byteLength - 1),
        (pack) => Buffer.concat([pack.subarray(0, -20), pack]),
        () => sealed(Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1")),
      ];
      for (const [index, change] of changes.entries()) {
        at.server.switches.mangle = (body) => ({ body: withPack(body, change), end: true });
        assert.deepEqual([index, (await failure(at.url, at.folder)).code], [index, "SOURCE_CORRUPT"]);
      }
    });

    test("in whose place the third band speaks is an error with its words", async () => {
      await using at = await scene();
      at.server.switches.protocol = protocol;
      at.server.switches.mangle = (body) => ({
        body: withBands(body, packet("\x03fatal: out of memory\n")),
        end: true,
      });
      const error = await failure(at.url, at.folder);
      assert.equal(error.code, "SOURCE_FAILED");
      assert.match(error.message, /fatal: out of memory/);
    });

    test("that comes in small bands with progress and empty ones between is taken all the same", async () => {
      await using at = await scene();
      at.server.switches.protocol = protocol;
      at.server.switches.mangle = (body) => {
        const pack = packOf(body);
        const pieces: string[] = [];
        for (let offset = 0; offset < pack.byteLength; offset += 997) {
          pieces.push(
            packet(`\x01${pack.toString("latin1", offset, offset + 997)}`),
            packet("\x01"),
            packet("\x02Counting\n"),
          );
        }
        return { body: withBands(body, `${pieces.join("")}0000`), end: true };
      };
      assert.equal((await backUp(at.url, at.folder)).facts.refs, 7);
    });
  });
}

test("a server that goes silent is left when the signal is aborted, with the signal's reason", async () => {
  await using at = await scene();
  const reason = new Error("time is up");
  const stop = new AbortController();
  at.server.switches.answer = (request) => {
    if (request.method !== "POST") return false;
    setImmediate(() => stop.abort(reason));
    return true;
  };
  await assert.rejects(backUp(at.url, at.folder, stop.signal), (error) => error === reason);
});

test("a server that is not there, and a name that is none, can be tried again", async () => {
  await using folder = await aGitFolder();
  for (const url of [`http://127.0.0.1:${await freePort()}/app.git`, "http://no-such-host.invalid/app.git"]) {
    const error = await failure(url, folder.path);
    assert.equal(error.code, "SOURCE_UNAVAILABLE");
    assert.ok(error instanceof TransientError);
  }
  assert.deepEqual(await readdir(folder.path), []);
});

function answered(response: ServerResponse, body = ""): true {
  response.end(body, "latin1");
  return true;
}

const html = (response: ServerResponse) =>
  answered(response.writeHead(200, { "content-type": "text/html" }), "<h1>Welcome</h1>");

async function codeAndMatch(
  at: { readonly url: string; readonly folder: string },
  expression: RegExp,
): Promise<[ErrorCode, boolean]> {
  const error = await failure(at.url, at.folder);
  return [error.code, expression.test(error.message)];
}

const packet = (text: string): string => (text.length + 4).toString(16).padStart(4, "0") + text;

/** The first bands of an answer, put together. */
function packOf(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let offset = firstBandAt(body); ; ) {
    const length = Number.parseInt(body.toString("latin1", offset, offset + 4), 16);
    if (length === 0) return Buffer.concat(pieces);
    if (body[offset + 4] === 1) pieces.push(body.subarray(offset + 5, offset + length));
    offset += length;
  }
}

const firstBandAt = (body: Buffer): number => body.indexOf("\x01PACK") - 4;

const withBands = (body: Buffer, bands: string): Buffer =>
  Buffer.concat([body.subarray(0, firstBandAt(body)), Buffer.from(bands, "latin1")]);

function withPack(body: Buffer, change: (pack: Buffer) => Buffer): Buffer {
  const pack = change(Buffer.from(packOf(body)));
  const pieces: string[] = [];
  for (let offset = 0; offset < pack.byteLength; offset += 60_000) {
    pieces.push(packet(`\x01${pack.toString("latin1", offset, Math.min(offset + 60_000, pack.byteLength))}`));
  }
  return withBands(body, `${pieces.join("")}0000`);
}

function flip(pack: Buffer, at: number): Buffer {
  pack[at] = (pack[at] ?? 0) ^ 1;
  return pack;
}

const sealed = (pack: Buffer): Buffer => Buffer.concat([pack, createHash("sha1").update(pack).digest()]);

test("a port that fetch refuses is named, and not tried again", async () => {
  await using folder = await aGitFolder();
  const error = await failure("http://127.0.0.1:10080/app.git", folder.path);
  assert.ok(error instanceof SourceError);
  assert.match(error.message, /refuses this port/);
});

/** One that nobody listens on any more. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

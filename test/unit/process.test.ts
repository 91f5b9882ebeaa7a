import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, bytesOf, readAll } from "../../lib/bytes.ts";
import { useProxies } from "../../lib/network/proxies.ts";
import { givenProxy } from "../../lib/network/proxy-variables.ts";
import { ProgramFailedError, ProgramMissingError, programOutput, programText } from "../../lib/process.ts";

const never = new AbortController().signal;
const shell = (script: string, options: Partial<Parameters<typeof programOutput>[2]> = {}) =>
  programOutput("sh", ["-c", script], { signal: never, ...options });

test("a program's output is its bytes", async () => {
  assert.equal(Buffer.from(await readAll(shell("printf hello"), 100)).toString(), "hello");
});

test("a program that fails after output fails the stream", async () => {
  const got: Uint8Array[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of shell("printf half; echo went wrong >&2; exit 3")) got.push(chunk);
    },
    (error) =>
      error instanceof ProgramFailedError && error.exit.code === 3 && /exit code 3: went wrong/.test(error.message),
  );
  assert.equal(Buffer.concat(got).toString(), "half");
});

test("a program that is killed after output fails the stream", async () => {
  await assert.rejects(readAll(shell("printf half; kill -9 $$"), 100), /was ended by SIGKILL/);
});

test("a program that is not there is named", async () => {
  await assert.rejects(readAll(programOutput("no-such-program", [], { signal: never }), 1), ProgramMissingError);
  await assert.rejects(
    readAll(programOutput("no-such-program", [], { signal: never, stdin: bytesOf("x") }), 1),
    ProgramMissingError,
  );
});

test("input reaches the program, more than a pipe holds", async () => {
  const input = Buffer.alloc(1_000_000, "x");
  const output = programText("wc", ["-c"], { signal: never, stdin: bytesOf(input) });
  assert.equal((await output).trim(), "1000000");
});

test("a source that fails while it feeds a program fails the stream, whatever the program makes of it", async () => {
  async function* source(): Bytes {
    yield Buffer.from("first");
    throw new Error("the source broke");
  }
  await assert.rejects(readAll(programOutput("cat", [], { signal: never, stdin: source() }), 100), /the source broke/);
});

test("a program that closes its input early is judged by its exit code", async () => {
  const input = Buffer.alloc(5_000_000);
  const output = await readAll(programOutput("head", ["-c", "3"], { signal: never, stdin: bytesOf(input) }), 100);
  assert.equal(output.byteLength, 3);
});

test("a program that closes its input while the source has more to give is judged by its exit code, and the source released", async () => {
  let released = false;
  async function* endless(): Bytes {
    try {
      for (;;) yield Buffer.alloc(65_536);
    } finally {
      released = true;
    }
  }
  const output = await readAll(programOutput("head", ["-c", "3"], { signal: never, stdin: endless() }), 100);
  assert.equal(output.byteLength, 3);
  assert.equal(released, true);
});

test("stopping early ends the program and its children", async () => {
  let pid = 0;
  for await (const chunk of shell("sleep 1000 & echo $!; wait")) {
    pid = Number(Buffer.from(chunk).toString());
    break;
  }
  assert.ok(pid > 0);
  await waitUntilGone(pid);
});

test("an aborted signal ends the program, and its reason is thrown", async () => {
  const controller = new AbortController();
  const reading = readAll(shell("echo begun; sleep 1000", { signal: controller.signal }), 100);
  setTimeout(() => controller.abort(new Error("told to stop")), 50);
  await assert.rejects(reading, /told to stop/);
});

test("programs do not see our environment, but for what they need", async () => {
  process.env.CORE_BACKUP_CANARY = "canary-5c1f";
  try {
    const seen = await programText("env", [], { signal: never, env: { EXTRA: "given" } });
    assert.doesNotMatch(seen, /canary-5c1f/);
    assert.match(seen, /^PATH=/m);
    assert.match(seen, /^EXTRA=given$/m);
  } finally {
    delete process.env.CORE_BACKUP_CANARY;
  }
});

test("programs are told where the proxy is, and its credentials only if they ask hosts for us", async (t) => {
  const variables = { HTTPS_PROXY: "http://user:canary-5c1f@own.example:1", ALL_PROXY: "socks5://u:canary-5c1f@s:1" };
  Object.assign(process.env, variables);
  useProxies(givenProxy("http://user:canary-7d2e@proxy.example:3128", ["inside.example"]), true);
  t.after(() => {
    useProxies({}, false);
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  const seen = await programText("env", [], { signal: never });
  assert.doesNotMatch(seen, /canary/);
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"])
    assert.match(seen, new RegExp(`^${name}=http://proxy\\.example:3128$`, "m"));
  assert.match(seen, /^no_proxy=inside\.example,169\.254\.169\.254,/m);
  const asking = await programText("env", [], { signal: never, proxyCredentials: true });
  assert.match(asking, /^https_proxy=http:\/\/user:canary-7d2e@proxy\.example:3128$/m);
  assert.doesNotMatch(asking, /canary-5c1f/);
});

test("a proxy's variable that a program is given by name takes the place of both spellings", async (t) => {
  useProxies(givenProxy("http://user:canary-7d2e@proxy.example:3128", ["inside.example"]), true);
  t.after(() => useProxies({}, false));
  const own = "http://user:own@proxy.example:3128";
  const seen = async (env: Readonly<Record<string, string>>) => {
    const lines = (await programText("env", [], { signal: never, env })).split("\n");
    return Object.fromEntries(lines.filter((line) => /proxy=/i.test(line)).map((line) => line.split("=")));
  };
  const shown = "http://proxy.example:3128";
  assert.partialDeepStrictEqual(await seen({ HTTPS_PROXY: own }), {
    HTTPS_PROXY: own,
    https_proxy: own,
    http_proxy: shown,
  });
  assert.partialDeepStrictEqual(await seen({ https_proxy: own, no_proxy: "" }), {
    ...{ HTTPS_PROXY: own, https_proxy: own, NO_PROXY: "", no_proxy: "" },
  });
  assert.partialDeepStrictEqual(await seen({ HTTP_PROXY: "http://a:1", http_proxy: own }), {
    ...{ HTTP_PROXY: "http://a:1", http_proxy: own, HTTPS_PROXY: shown },
  });
});

async function waitUntilGone(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`process ${pid} is still there`);
}

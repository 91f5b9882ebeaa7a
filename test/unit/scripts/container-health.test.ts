import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../support/stores.ts";

const HEALTH = join(import.meta.dirname, "../../../container/health.js");

/** What Docker hears of a container whose first process has these words, and whose configuration is right or not. */
async function healthOf(words: readonly string[], { isRight = false } = {}) {
  await using folder = await temporaryFolder();
  const [cmdline, program] = [join(folder.path, "cmdline"), join(folder.path, "core-backup")];
  await writeFile(cmdline, words.map((word) => `${word}\0`).join(""));
  await writeFile(
    program,
    `#!/bin/sh\n[ "$*" = validate ] || exit 2\necho asked the configuration\nexit ${isRight ? 0 : 1}\n`,
  );
  await chmod(program, 0o755);
  return await new Promise<{ code: unknown; said: string }>((done) => {
    execFile(process.execPath, [HEALTH, cmdline, program], (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, said: (stdout + stderr).trim() }),
    );
  });
}

test("a container that serves is as well as /healthz says, wherever it listens", async (t) => {
  let status = 200;
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    response.writeHead(status).end("said so");
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const tini = ["/usr/bin/tini", "--", "core-backup", "serve"];
  assert.deepEqual(await healthOf([...tini, "--port", `${port}`]), { code: 0, said: "said so" });
  assert.deepEqual(await healthOf([...tini, "--host=0.0.0.0", `--port=${port}`]), { code: 0, said: "said so" });
  status = 503;
  assert.deepEqual(await healthOf([...tini, "--host", "127.0.0.1", "--port", `${port}`]), { code: 1, said: "said so" });
  assert.deepEqual(asked, ["/healthz", "/healthz", "/healthz"]);
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  const { code, said } = await healthOf([...tini, "--port", `${port}`], { isRight: true });
  assert.deepEqual([code, /ECONNREFUSED/.test(said)], [1, true], said);
});

test("any other container is as well as its configuration", async () => {
  for (const words of [
    ["/usr/bin/tini", "--", "core-backup", "run"],
    ["core-backup", "run", "--job", "serve"],
    ["sleep", "600"],
    ["core-backup", "serve", "--port", "0"],
  ]) {
    assert.deepEqual(await healthOf(words, { isRight: true }), { code: 0, said: "asked the configuration" });
    assert.deepEqual(await healthOf(words), { code: 1, said: "asked the configuration" });
  }
});

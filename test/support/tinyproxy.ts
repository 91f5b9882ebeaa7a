import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startListening } from "./listening.ts";
import { temporaryFolder } from "./stores.ts";

/** A proxy that writes down every connection, and asks for a password if it is given one. `more` are lines of its configuration. */
export async function startTinyproxy(
  t: TestContext,
  connectPort?: string,
  password?: string,
  more: readonly string[] = [],
) {
  const folder = await temporaryFolder();
  const log = join(folder.path, "log");
  const file = join(folder.path, "tinyproxy.conf");
  const proxy = await startListening((port) => ({
    program: "sh",
    args: ["-c", `exec "$(command -v tinyproxy)" -d -c "$0"`, file],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, PORT: `${port}` },
    prepare: () =>
      writeFile(
        file,
        [
          `Port ${port}`,
          "Listen 127.0.0.1",
          "Allow 127.0.0.1",
          `LogFile "${log}"`,
          "LogLevel Connect",
          // Without it, every port.
          ...(connectPort === undefined ? [] : [`ConnectPort ${connectPort}`]),
          ...(password === undefined ? [] : [`BasicAuth user ${password}`]),
          ...more,
          "",
        ].join("\n"),
      ),
  }));
  t.after(async () => {
    await proxy.stop();
    await folder[Symbol.asyncDispose]();
  });
  return { port: proxy.port, lines: async () => (await readFile(log, "utf8")).split("\n") };
}

export const noTinyproxy =
  process.env.CI === undefined && !["/usr/bin", "/usr/sbin"].some((folder) => existsSync(`${folder}/tinyproxy`))
    ? "no tinyproxy"
    : false;

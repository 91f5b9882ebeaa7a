import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const PYTHON = path.join(import.meta.dirname, "../peers/.bin/giftless/bin/python");
const SERVE = path.join(import.meta.dirname, "../peers/giftless/serve.py");

/** Why tests with a real LFS server and client are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noLfs: string | false = process.env.CI !== undefined ? false : missing();

function missing(): string | false {
  if (!existsSync(PYTHON)) return "no LFS server: test/peers/giftless/build.sh installs it";
  try {
    execFileSync("git", ["lfs", "version"], { stdio: "ignore" });
    return false;
  } catch {
    return "no git-lfs: apt-get install git-lfs";
  }
}

export interface LfsServer extends AsyncDisposable {
  readonly url: string;
  /** Passes a request on, as a forge does whose LFS is another program. Answers false for one that is not about LFS. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

export async function startLfsServer(): Promise<LfsServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "lfs-test-"));
  const child = spawn(PYTHON, [SERVE, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let port = "";
  for await (const line of createInterface({ input: child.stdout })) {
    port = line;
    break;
  }
  if (!/^\d+$/.test(port)) throw new Error("giftless did not say where it listens");
  return {
    url: `http://127.0.0.1:${port}`,
    answer(request, response) {
      if (request.url?.includes("/info/lfs/") !== true) return false;
      const { host: _, authorization: __, ...headers } = request.headers;
      const on = httpRequest(
        {
          host: "127.0.0.1",
          port,
          path: request.url,
          method: request.method,
          headers: { ...headers, host: `127.0.0.1:${port}` },
        },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      on.on("error", () => response.destroy());
      request.pipe(on);
      return true;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

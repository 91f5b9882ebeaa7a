import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A git server with one repository, demo.git: git-http-backend (https://git-scm.com/docs/git-http-backend) as a web server runs it.

const root = mkdtempSync(join(tmpdir(), "repositories-"));
const work = mkdtempSync(join(tmpdir(), "work-"));
const git = (...args) =>
  execFileSync("git", ["-c", "user.name=Demo", "-c", "user.email=demo@example.org", ...args], { cwd: work });
git("init", "--quiet", "--initial-branch=main");
for (const n of [1, 2, 3]) {
  writeFileSync(join(work, `${n}.txt`), `file ${n}\n`);
  git("add", ".");
  git("commit", "--quiet", "--message", `commit ${n}`);
}
git("tag", "v1");
git("clone", "--quiet", "--mirror", work, join(root, "demo.git"));

createServer((request, response) => {
  const { pathname, search } = new URL(request.url, "http://git");
  const backend = spawn("git", ["http-backend"], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: request.headers["git-protocol"] ?? "",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  request.pipe(backend.stdin);
  let head = Buffer.alloc(0);
  let begun = false;
  backend.stdout.on("data", (piece) => {
    if (begun) return void response.write(piece);
    head = Buffer.concat([head, piece]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    begun = true;
    for (const line of head.subarray(0, end).toString().split("\r\n")) {
      const [name, value] = line.split(/:\s*/, 2);
      if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
  });
  backend.on("close", () => response.end());
}).listen(8080);
process.once("SIGTERM", () => process.exit(0));

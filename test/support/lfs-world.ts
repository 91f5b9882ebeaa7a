import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { JobResult } from "../../lib/run.ts";
import type { aBackup } from "./a-backup.ts";
import { aGitFolder, fastImport, gitSync } from "./git-repository.ts";
import { githubBackup } from "./github-backup.ts";
import { addRepository } from "./github-organization.ts";
import { startGithub } from "./github-server.ts";

/** What a repository's two pointers point at. */
export const lfsObjects = [Buffer.from("good".repeat(20)), Buffer.from("better".repeat(20))] as const;

export const oidOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

/** A repository with two pointers, whose objects lie at `/object/0` and `/object/1`, and a batch API that answers with `batch`, whatever repository's it is. */
export async function aLfsWorld(
  batch: (webUrl: string, path: string) => { readonly status: number; readonly body: object },
  a?: ReturnType<typeof aBackup>,
) {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  await addRepository(server, "app", { id: 42, root: folder.path });
  const bare = join(folder.path, "my-org/app.git");
  gitSync(bare, ["config", "uploadpack.allowFilter", "true"]);
  const files = lfsObjects.map((content, n) => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oidOf(content)}\nsize ${content.length}\n`;
    return `M 100644 inline ${n}.bin\ndata ${pointer.length}\n${pointer}\n`;
  });
  await fastImport(bare, [`commit refs/heads/lfs\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\n${files.join("")}`]);
  for (const [n, content] of lfsObjects.entries()) server.files.set(`/object/${n}`, { status: 200, body: content });
  const asked: number[] = [];
  const others = server.git.switches.answer;
  server.git.switches.answer = (request, response) => {
    if (request.url?.endsWith("/info/lfs/objects/batch") !== true) return others(request, response);
    void countOf(request).then((count) => {
      asked.push(count);
      const { status, body } = batch(server.webUrl, request.url ?? "");
      response.writeHead(status, { "content-type": "application/vnd.git-lfs+json" }).end(JSON.stringify(body));
    });
    return true;
  };
  const backup = githubBackup(server, { skip: ["all"], include: ["git", "lfs"] }, a);
  return {
    server,
    backup,
    /** How many objects each question was about. */
    asked,
    damage(n: number) {
      server.files.set(`/object/${n}`, { status: 200, body: Buffer.alloc(lfsObjects[n]?.length ?? 0, "x") });
    },
    /** What the default branch's `.lfsconfig` says. */
    configure(text: string) {
      server.objects.set("/repos/my-org/app/contents/.lfsconfig", {
        type: "file",
        encoding: "base64",
        content: Buffer.from(text).toString("base64"),
      });
    },
    states: async (result: JobResult) =>
      new Map((await backup.stored(result, "my-org/app", "lfs"))?.map(({ oid, state }) => [oid, state])),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function countOf(request: IncomingMessage): Promise<number> {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  await once(request, "end");
  return JSON.parse(Buffer.concat(pieces).toString()).objects.length;
}

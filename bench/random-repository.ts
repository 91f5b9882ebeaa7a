import { createCipheriv } from "node:crypto";
import { mkdirSync } from "node:fs";
import { fastImport, gitSync } from "../test/support/git-repository.ts";

const MiB = 1024 * 1024;

/** A bare repository of one commit of files of a MiB that do not compress: its pack is as large as what it holds. No second copy is made of them. */
export async function writeRandomRepository(repository: string, bytes: number): Promise<void> {
  mkdirSync(repository, { recursive: true });
  gitSync(repository, ["init", "--quiet", "--bare", "--initial-branch=main", "."]);
  gitSync(repository, ["config", "core.compression", "0"]);
  // As GitHub does: who looks for LFS pointers is given the small files alone.
  gitSync(repository, ["config", "uploadpack.allowFilter", "true"]);
  await fastImport(repository, commit(bytes / MiB));
}

function* commit(files: number): Generator<string | Uint8Array> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 3), Buffer.alloc(16, 4));
  yield "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 5\nfiles\n";
  for (let n = 0; n < files; n += 1) {
    yield `M 100644 inline file-${n}\ndata ${MiB}\n`;
    yield cipher.update(Buffer.alloc(MiB));
    yield "\n";
  }
}

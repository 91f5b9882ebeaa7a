import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { eachLimited } from "../../lib/pool.ts";
import { aRepository } from "./git-repository.ts";

/** `repository-0.git` and so on: each a repository of its own, with a branch that no other has. Their names are answered. */
export async function manyRepositories(folder: string, count: number): Promise<readonly string[]> {
  const first = await aRepository(folder, { name: "first.git" });
  const names = Array.from({ length: count }, (_, n) => `repository-${n}.git`);
  await eachLimited(names, 4, async (name) => {
    const path = join(folder, name);
    await cp(first, path, { recursive: true });
    await branchNamedAfter(path, name);
  });
  return names;
}

/** A branch with a commit of one file, which says the repository's name. */
async function branchNamedAfter(path: string, name: string): Promise<void> {
  const importing = promisify(execFile)("git", ["-C", path, "fast-import", "--quiet"]);
  const author = "A <a@example.org> 1700000000 +0000";
  importing.child.stdin?.end(
    `commit refs/heads/own\ncommitter ${author}\ndata ${name.length}\n${name}\nM 644 inline name\ndata ${name.length}\n${name}\n`,
  );
  await importing;
}

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import type { Manifest } from "../../lib/manifest.ts";
import { aGitFolder, aRepository, gitSync, showRef } from "./git-repository.ts";
import { type GitServer, startGitServer } from "./git-server.ts";

export interface ServedRepositories extends AsyncDisposable {
  /** They lie in it by their names. It is removed at the end, with what a test puts beside them. */
  readonly folder: string;
  readonly git: GitServer;
  /** As the option `repositories` of a job has them, in YAML. */
  listed(names: readonly string[]): string;
}

/** Repositories (`one.git` …), each with a history of its own, and a server of them. */
export async function servedRepositories(names: readonly string[]): Promise<ServedRepositories> {
  await using started = new AsyncDisposableStack();
  const { path: folder } = started.use(await aGitFolder());
  for (const [n, name] of names.entries()) await aRepository(folder, { name, commits: 5 + n });
  const git = started.use(await startGitServer(folder));
  const whole = started.move();
  return {
    folder,
    git,
    listed: (some) => `[${some.map((name) => `${git.url}/${name}`).join(", ")}]`,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** Of a snapshot's files in `folder`: `sha256sum` finds them whole, and git alone makes each unit's repository of them. */
export function assertRestorable(folder: string, { units }: Manifest, served: ServedRepositories): void {
  execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder, stdio: "pipe" });
  assert.notEqual(units.length, 0);
  for (const { id, artifacts } of units) {
    const [{ path } = { path: "" }] = artifacts;
    const work = join(folder, dirname(path));
    gitSync(work, ["clone", "--quiet", "--mirror", join(folder, path), "restored.git"]);
    const source = join(served.folder, `${id.split("/").at(-1)}.git`);
    assert.equal(showRef(join(work, "restored.git")), showRef(source));
  }
}

import { cp, lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { addRepository } from "../test/support/github-organization.ts";
import type { GithubServer } from "../test/support/github-server.ts";
import { writeHistory } from "./git-history.ts";
import { type BenchLine, benchLine, forInformation, lineText } from "./line.ts";
import { GITHUB_BACKUP, measured, measuredRun, shown, type Taken } from "./measured.ts";
import { serveOrganization } from "./served-organization.ts";
import { tlsDoor } from "./tls-door.ts";

const REPOSITORIES = 50;
const COMMITS_EACH = 800;
/** As ghorg does. */
const CLONES_AT_ONCE = 25;

/** A first run and an unchanged second one. */
interface Runs {
  readonly first: Taken;
  readonly second: Taken;
}

/**
 * The git of an organization and nothing else, of which there are tools that take no more: against github-backup narrowed to the same, and against git alone, `clone --mirror` of
 * each repository and then `remote update`, which is what ghorg starts for a backup, without what ghorg needs beside it. Neither looks whether
 * what it has restores. Ours does by default, which is what github-backup is compared with; git is compared with ours without.
 */
export async function benchGithubGit(
  repositories = REPOSITORIES,
  commits = COMMITS_EACH,
): Promise<readonly BenchLine[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`github-git: making ${repositories} repositories of ${commits} commits`);
    const served = path.join(folder, "served");
    await mkdir(served);
    await using server = await serveOrganization(served);
    const names = Array.from({ length: repositories }, (_, n) => `repository-${n}`);
    await makeRepositories(server, served, names, commits);
    // Once unmeasured, so that no side pays for reading the repositories from the disk, nor ours for compiling.
    await (await ours(server, folder, "prove: true"))();
    const of = {
      ours: await twice(await ours(server, folder, "prove: true")),
      unproved: await twice(await ours(server, folder, "prove: false")),
      githubBackup: await githubBackup(server, folder, names),
      git: await gitAlone(server, folder, names),
    };
    for (const [name, { first, second }] of Object.entries(of))
      console.error(`github-git: ${name}: ${shown(first)}; unchanged ${shown(second)}`);
    const mirrors = `git clone --mirror of each, ${CLONES_AT_ONCE} at once, without proof on either side`;
    return [
      ...lines("github-backup", of.ours, of.githubBackup),
      ...lines(mirrors, of.unproved, of.git).map(forInformation),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lines(rival: string, ours: Runs, theirs: Runs): readonly BenchLine[] {
  const line = (what: string, unit: string, figure: (runs: Runs) => number) =>
    benchLine(`github-git: ${what}, to ${rival}`, { ours: figure(ours), theirs: figure(theirs), unit }, { atMost: 1 });
  return [
    line("time of a first run", "s", ({ first }) => first.seconds),
    line("git's requests of a first run", "requests", ({ first }) => first.gitRequests),
    line("cpu of a first run", "s", ({ first }) => first.cpuSeconds),
    line("disk after a first run", "MB", ({ first }) => first.diskBytes / 1e6),
    line("time of an unchanged run", "s", ({ second }) => second.seconds),
    line("git's requests of an unchanged run", "requests", ({ second }) => second.gitRequests),
    line("cpu of an unchanged run", "s", ({ second }) => second.cpuSeconds),
  ];
}

/** All of one history, for it is not compared with one another. */
async function makeRepositories(
  server: GithubServer,
  served: string,
  names: readonly string[],
  commits: number,
): Promise<void> {
  const model = path.join(served, "model.git");
  await writeHistory(model, commits);
  for (const [n, name] of names.entries()) {
    await addRepository(server, name, { id: 1_000 + n });
    await cp(model, path.join(served, "my-org", `${name}.git`), { recursive: true });
  }
}

const twice = async (run: () => Promise<Taken>): Promise<Runs> => ({ first: await run(), second: await run() });

/** With a store of its own for each way to verify. */
async function ours(server: GithubServer, folder: string, verify: string): Promise<() => Promise<Taken>> {
  const { apiUrl, webUrl } = server;
  const store = await mkdtemp(path.join(folder, "store-"));
  const config = `${store}.yml`;
  await writeFile(
    config,
    `jobs:
  - name: bench
    service: github
    concurrency: 8
    verify: { ${verify} }
    options:
      organization: my-org
      api_url: ${apiUrl}
      web_url: ${webUrl}
      token_env: BENCH_TOKEN
      skip: [all]
      include: [git]
storage:
  local: { type: filesystem, base_path: ${store} }
`,
  );
  return () => measuredRun(server, folder, config, store);
}

async function githubBackup(server: GithubServer, folder: string, names: readonly string[]): Promise<Runs> {
  await using door = await tlsDoor(folder, server.git.port);
  const output = path.join(folder, "github-backup");
  const whose = ["my-org", "--organization", "--private", "--github-host", `localhost:${door.port}`];
  const what = ["--token", "bench", "--repositories", "--bare", "--output-directory", output];
  const env = { SSL_CERT_FILE: door.caFile, GIT_SSL_CAINFO: door.caFile };
  const runs = await twice(() => measured(server, [GITHUB_BACKUP, ...whose, ...what], { output, env }));
  // It ends with exit code 0 also where git failed.
  for (const name of names) await lstat(path.join(output, "repositories", name, "repository/packed-refs"));
  return runs;
}

/** Asks the API for nothing: which repositories there are it is told. */
async function gitAlone(server: GithubServer, folder: string, names: readonly string[]): Promise<Runs> {
  const output = path.join(folder, "mirrors");
  await mkdir(output);
  // As ghorg has them: with the token, without which git asks once in vain.
  const from = `${server.webUrl.replace("://", "://bench:bench@")}/my-org`;
  const each = (command: string) =>
    measured(server, ["bash", "-c", `printf '%s\\n' ${names.join(" ")} | xargs -P ${CLONES_AT_ONCE} -I{} ${command}`], {
      output,
      env: {},
    });
  return {
    first: await each(`git clone --quiet --mirror ${from}/{}.git ${output}/{}.git`),
    second: await each(`git -C ${output}/{}.git remote update`),
  };
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  for (const line of await benchGithubGit(...sizes)) console.log(lineText(line));
}

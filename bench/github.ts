import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createServer } from "node:tls";
import { makeServerCertificate } from "../test/support/certificates.ts";
import { answerGraphql } from "../test/support/github-graphql.ts";
import { addRepository } from "../test/support/github-organization.ts";
import { type GithubServer, startGithub } from "../test/support/github-server.ts";
import { type BenchLine, benchLine } from "./line.ts";

const REPOSITORIES = 50;
const ISSUES_EACH = 40;
const COMMENTS_EACH = 2;
/** Of the one file that each release has, and of the one large file in each history. */
const FILE_BYTES = 500_000;
const LATENCY_MS = 20;
const RIVAL = process.env.CORE_BACKUP_BENCH_GITHUB_BACKUP ?? "github-backup";

interface Taken {
  readonly seconds: number;
  /** All that the API was asked, and what of it counts against GitHub's limit: an answer of 304 does not. */
  readonly requests: number;
  readonly paid: number;
  readonly cpuSeconds: number;
  /** What lies there afterwards. */
  readonly diskBytes: number;
}

/**
 * An organization's git, issues with their comments and events, labels, milestones, and releases with their files, over an API that takes 20 ms to answer,
 * against python-github-backup doing the same, incrementally. Then once more with nothing changed. Requests are those of the API: git makes none, and
 * has a benchmark of its own.
 */
export async function benchGithub(): Promise<readonly BenchLine[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`github: making ${REPOSITORIES} repositories with ${REPOSITORIES * ISSUES_EACH} issues`);
    const served = path.join(folder, "served");
    await mkdir(served);
    await using server = await startGithub(served);
    server.anyToken = true;
    server.latencyMs = LATENCY_MS;
    answerGraphql(server);
    server.objects.set("/user", { id: 1, login: "bench" });
    server.fault = (asked) => (asked.includes("/releases/assets/") ? { status: 200, body: ASSET } : undefined);
    await using door = await tlsDoor(folder, server.git.port);
    for (let n = 0; n < REPOSITORIES; n += 1) await addOne(server, n, { root: served, port: door.port });
    const config = path.join(folder, "bench.yml");
    await writeFile(config, configuration(server, path.join(folder, "store")));
    const store = path.join(folder, "store");
    const copy = path.join(folder, "rival");
    // As in the benchmark of git: a checkout has its types stripped at each start, and an installed package has not.
    const cache = { NODE_COMPILE_CACHE: path.join(folder, "compile-cache") };
    const ours = () =>
      measured(
        server,
        process.execPath,
        [path.join(import.meta.dirname, "../cli/main.ts"), "run", "--config", config],
        store,
        cache,
      );
    const trust = { SSL_CERT_FILE: door.caFile, GIT_SSL_CAINFO: door.caFile };
    const theirs = (...more: readonly string[]) =>
      measured(server, RIVAL, [...rivalArguments(door.port, copy), ...more], copy, trust);
    const rows = {
      // From the first run on: it writes down where the second goes on. Its third reads everything once more, as it does by default.
      theirs: [await theirs("--incremental"), await theirs("--incremental"), await theirs()],
      ours: [await ours(), await ours()],
    };
    await checkCopy(copy);
    for (const [name, [first, second, ...more]] of Object.entries(rows)) {
      console.error(`github: ${name} first ${shown(first)}, unchanged ${shown(second)}`);
      for (const other of more) console.error(`github: ${name} unchanged, by default ${shown(other)}`);
    }
    return lines(rows.ours, rows.theirs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lines(
  [first, second]: readonly Taken[],
  [rival, rivalAgain, rivalWhole]: readonly Taken[],
): readonly BenchLine[] {
  if (
    first === undefined ||
    second === undefined ||
    rival === undefined ||
    rivalAgain === undefined ||
    rivalWhole === undefined
  )
    throw new Error("a run is missing");
  const asked = { unit: "requests" };
  const MB = 1e6;
  return [
    benchLine(
      "github: time of a first run to github-backup",
      { ours: first.seconds, theirs: rival.seconds, unit: "s" },
      { atMost: 0.25 },
    ),
    benchLine(
      "github: requests of a first run to github-backup",
      { ours: first.requests, theirs: rival.requests, ...asked },
      { atMost: 0.2 },
    ),
    benchLine(
      "github: requests of an unchanged run to github-backup --incremental",
      { ours: second.requests, theirs: rivalAgain.requests, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: requests that count, of an unchanged run to github-backup --incremental",
      { ours: second.paid, theirs: rivalAgain.paid, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: requests of an unchanged run to github-backup, which reads all again by default",
      { ours: second.requests, theirs: rivalWhole.requests, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: cpu of a first run to github-backup",
      { ours: first.cpuSeconds, theirs: rival.cpuSeconds, unit: "s" },
      { atMost: 1 },
    ),
    benchLine(
      "github: cpu of an unchanged run to github-backup --incremental",
      { ours: second.cpuSeconds, theirs: rivalAgain.cpuSeconds, unit: "s" },
      { atMost: 1 },
    ),
    benchLine(
      "github: disk after a first run to github-backup",
      { ours: first.diskBytes / MB, theirs: rival.diskBytes / MB, unit: "MB" },
      { atMost: 1 },
    ),
  ];
}

/** As the server sends it. */
const ASSET = "x".repeat(FILE_BYTES);
const ASSET_BYTES = JSON.stringify(ASSET).length;

/** The rival ends with exit code 0 also where git failed or a file did not come. */
async function checkCopy(copy: string): Promise<void> {
  for (let n = 0; n < REPOSITORIES; n += 1) {
    const place = path.join(copy, "repositories", nameOf(n));
    const { size } = await lstat(path.join(place, "releases/v1/app.zip"));
    if (size !== ASSET_BYTES) throw new Error(`github-backup has a file of ${size} bytes in ${place}`);
    await lstat(path.join(place, "repository/packed-refs"));
  }
}

const nameOf = (n: number): string => `repository-${n}`;

async function addOne(
  server: GithubServer,
  n: number,
  { root, port }: { readonly root: string; readonly port: number },
): Promise<void> {
  const at = await addRepository(server, nameOf(n), {
    root,
    bigFileBytes: FILE_BYTES,
    id: 1_000 + n,
    issues: ISSUES_EACH,
    commentsPerIssue: COMMENTS_EACH,
    pulls: 0,
  });
  const made = "2026-01-01T00:00:00Z";
  const asset = {
    id: n + 1,
    name: "app.zip",
    size: ASSET_BYTES,
    state: "uploaded",
    updated_at: made,
    url: `https://localhost:${port}${new URL(server.apiUrl).pathname}${at}/releases/assets/${n + 1}`,
  };
  server.lists.set(`${at}/releases`, [{ id: n, tag_name: "v1", body: "notes", assets: [asset], created_at: made }]);
  const comments = server.lists.get(`${at}/issues/comments`) ?? [];
  // The rival asks issue by issue.
  for (const { number } of server.lists.get(`${at}/issues`) ?? []) {
    server.lists.set(
      `${at}/issues/${number}/comments`,
      comments.filter(({ issue_url: url }) => String(url).endsWith(`/issues/${number}`)),
    );
    server.lists.set(`${at}/issues/${number}/events`, [{ id: Number(number), event: "labeled" }]);
  }
}

function configuration({ apiUrl, webUrl }: GithubServer, store: string): string {
  return `jobs:
  - name: bench
    service: github
    concurrency: 8
    options:
      organization: my-org
      api_url: ${apiUrl}
      web_url: ${webUrl}
      token_env: BENCH_TOKEN
      skip: [all]
      include: [git, issues, issue_comments, issue_events, labels, milestones, releases, assets]
storage:
  local: { type: filesystem, base_path: ${store} }
`;
}

function rivalArguments(port: number, output: string): string[] {
  const git = ["--repositories", "--bare"];
  const what = ["--issues", "--issue-comments", "--issue-events", "--labels", "--milestones", "--releases", "--assets"];
  return [
    "my-org",
    "--organization",
    "--token",
    "bench",
    "--github-host",
    `localhost:${port}`,
    "--output-directory",
    output,
    "--private",
    ...git,
    ...what,
  ];
}

/** bash's `time` counts a command with all that it started and waited for. */
async function measured(
  server: GithubServer,
  program: string,
  args: readonly string[],
  output: string,
  extra: Readonly<Record<string, string>>,
): Promise<Taken> {
  server.requests.length = 0;
  const child = spawn("bash", ["-c", `TIMEFORMAT='%R %U %S'; time "$@"`, "bash", program, ...args], {
    env: { ...process.env, BENCH_TOKEN: "bench", ...extra },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = (said + String(chunk)).slice(-2_000);
  });
  const [code] = await once(child, "close");
  const [seconds, user, system] = said.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  if (code !== 0 || seconds === undefined || user === undefined || system === undefined)
    throw new Error(`${program} ended with exit code ${code}: ${said}`);
  const { requests } = server;
  return {
    seconds,
    cpuSeconds: user + system,
    diskBytes: await bytesUnder(output),
    requests: requests.length,
    paid: requests.filter(({ status }) => status !== 304).length,
  };
}

async function bytesUnder(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) total += (await lstat(path.join(entry.parentPath, entry.name))).size;
  return total;
}

/** The rival takes an Enterprise Server over https only. */
async function tlsDoor(folder: string, port: number) {
  await mkdir(path.join(folder, "tls"));
  const certificate = await makeServerCertificate(path.join(folder, "tls"));
  const options = { cert: await readFile(certificate.certFile), key: await readFile(certificate.keyFile) };
  const door = createServer(options, (socket) => {
    const inner = connect(port, "127.0.0.1");
    inner.on("error", () => socket.destroy());
    socket.on("error", () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return {
    port: (door.address() as AddressInfo).port,
    caFile: certificate.caFile,
    async [Symbol.asyncDispose]() {
      door.close();
    },
  };
}

const shown = (taken: Taken | undefined): string =>
  taken === undefined ? "" : `${taken.seconds.toFixed(1)} s, ${taken.requests} requests, ${taken.paid} that count`;

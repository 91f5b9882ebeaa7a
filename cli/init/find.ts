import { existsSync } from "node:fs";
import { access, readdir, readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { openEngine } from "../../lib/connectors/docker-volume/engine/engine.ts";
import { defaultHost, parseHost } from "../../lib/connectors/docker-volume/engine/host.ts";

/** What there is to back up, and where to, as far as this machine shows it. */
export interface Found {
  /** Absolute paths of git repositories, with and without a work tree. */
  readonly checkouts: readonly string[];
  /** Whose repositories on GitHub the checkouts come from. */
  readonly githubOwners: readonly string[];
  readonly githubToken: boolean;
  readonly docker: boolean;
  /** The port of this machine that a MongoDB server answers on. */
  readonly mongodb: number | undefined;
  readonly aws: boolean;
  /** The variable `S3_BUCKET` is set. */
  readonly bucket: boolean;
}

export interface FindOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly mongodbPort: number;
}

const MAX_CHECKOUTS = 50;
const ANSWER_MS = 2_000;
const NO_SSH_FILES = { sshKeyFile: undefined, sshKnownHostsFile: undefined };
const AWS_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_PROFILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/** Looks, and asks nobody: at the folder, the variables' names, and sockets of this machine. Reads no secret. Throws nothing. */
export async function find({ folder, env, mongodbPort }: FindOptions): Promise<Found> {
  const [checkouts, docker, mongodb, aws] = await Promise.all([
    findCheckouts(folder),
    hasDocker(env),
    hasMongodb(mongodbPort),
    hasAws(env),
  ]);
  const owners = await Promise.all(checkouts.map(githubOwners));
  return {
    checkouts,
    githubOwners: [...new Set(owners.flat())].sort(),
    githubToken: isSet(env.GITHUB_TOKEN),
    docker,
    mongodb: mongodb ? mongodbPort : undefined,
    aws,
    bucket: isSet(env.S3_BUCKET),
  };
}

/** The one that the folder is in, and those right below it. */
async function findCheckouts(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    if (await isRepository(at)) found.push(at);
    if (found.length > 0 || dirname(at) === at) break;
  }
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((one) => one.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (found.length === MAX_CHECKOUTS) break;
    const path = join(folder, entry.name);
    if (entry.name !== ".git" && (await isRepository(path))) found.push(path);
  }
  return found;
}

async function isRepository(path: string): Promise<boolean> {
  if (await exists(join(path, ".git"))) return true;
  const parts = await Promise.all(["HEAD", "objects", "refs"].map((name) => exists(join(path, name))));
  return parts.every(Boolean);
}

async function githubOwners(repository: string): Promise<string[]> {
  for (const file of [join(repository, ".git", "config"), join(repository, "config")]) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const urls = text.matchAll(
      /^\s*url\s*=\s*(?:https:\/\/(?:[^@/\s]+@)?github\.com\/|(?:ssh:\/\/)?git@github\.com[:/])([A-Za-z0-9-]+)\//gm,
    );
    return [...urls].map((match) => match[1] ?? "");
  }
  return [];
}

async function hasDocker(env: NodeJS.ProcessEnv): Promise<boolean> {
  const name = defaultHost(env, existsSync);
  try {
    const host = parseHost(name);
    if (host.kind === "unix") await access(host.path);
    const engine = await openEngine({ host, name, ssh: NO_SSH_FILES }, AbortSignal.timeout(ANSWER_MS));
    await engine.close();
    return true;
  } catch {
    return false;
  }
}

/** The driver is loaded only where something listens. */
async function hasMongodb(port: number): Promise<boolean> {
  if (!(await listens(port))) return false;
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: ANSWER_MS,
    connectTimeoutMS: ANSWER_MS,
  });
  try {
    await client.db("admin").command({ hello: 1 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: ANSWER_MS });
    const end = (isListening: boolean) => {
      socket.destroy();
      answer(isListening);
    };
    socket
      .once("connect", () => end(true))
      .once("error", () => end(false))
      .once("timeout", () => end(false));
  });
}

async function hasAws(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (AWS_VARIABLES.some((name) => isSet(env[name]))) return true;
  const home = env.HOME ?? "";
  const files = [env.AWS_SHARED_CREDENTIALS_FILE ?? join(home, ".aws", "credentials")];
  return (
    await Promise.all(
      files.map((file) =>
        stat(file).then(
          (found) => found.size > 0,
          () => false,
        ),
      ),
    )
  ).some(Boolean);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const isSet = (value: string | undefined): boolean => value !== undefined && value !== "";

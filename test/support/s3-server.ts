import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { makeServerCertificate, type ServerCertificate } from "./certificates.ts";
import { type ServerProcess, startListening } from "./listening.ts";
import { temporaryFolder } from "./stores.ts";

const BIN = join(import.meta.dirname, "..", "peers", ".bin");
const VERSITYGW = process.env.CORE_BACKUP_TEST_VERSITYGW ?? join(BIN, "versitygw");
const MINISTACK = process.env.CORE_BACKUP_TEST_MINISTACK ?? join(BIN, "ministack", "bin", "ministack");

const VERSITYGW_ABSENT =
  "no versitygw: test/peers/versitygw/build.sh builds it, or CORE_BACKUP_TEST_VERSITYGW names it";
const MINISTACK_ABSENT =
  "no MiniStack: test/peers/ministack/build.sh installs it, or CORE_BACKUP_TEST_MINISTACK names it";

/** Why tests with that server are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noVersitygw: string | false = whyNot(VERSITYGW, VERSITYGW_ABSENT);
export const noMinistack: string | false = whyNot(MINISTACK, MINISTACK_ABSENT);

export interface S3Access {
  readonly endpoint: string;
  readonly region: string;
  /** Who may do everything. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Whom a client has to trust, where it speaks TLS. */
  readonly caFile?: string | undefined;
}

export interface S3Server extends S3Access, AsyncDisposable {
  /** Ends the server as a crash does; what it has stored is kept for `restart`. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  restart(): Promise<void>;
  /** Its root folder as this process sees it: where something is mounted for it alone, that is in there. */
  root(): string;
}

/** The strict one: signatures, checksums, conditions, Object Lock as on AWS. Objects are files, so `a` beside `a/b` is refused. */
export async function startVersitygw(
  options: {
    readonly certificate?: ServerCertificate;
    readonly region?: string;
    /** Of more than about 350 parts: it writes down the size of each, and ext4 has 4 KiB for what is known of a file. */
    readonly manyParts?: boolean;
  } = {},
): Promise<S3Server> {
  if (!existsSync(VERSITYGW)) throw new Error(VERSITYGW_ABSENT);
  const folder = await temporaryFolder();
  for (const name of ["data", "versions", "iam", "sidecar"]) await mkdir(join(folder.path, name));
  const { certificate, region = "us-east-1", manyParts = false } = options;
  const credentials = { accessKeyId: "root", secretAccessKey: randomBytes(16).toString("hex") };
  const tls = certificate === undefined ? [] : ["--cert", certificate.certFile, "--key", certificate.keyFile];
  const sidecar = manyParts ? ["--sidecar", join(folder.path, "sidecar")] : [];
  const command = (port: number) => ({
    program: VERSITYGW,
    args: [
      ...[
        "--quiet",
        "--keep-alive",
        "--port",
        `127.0.0.1:${port}`,
        "--region",
        region,
        "--iam-dir",
        join(folder.path, "iam"),
        ...tls,
      ],
      ...["posix", ...sidecar, "--versioning-dir", join(folder.path, "versions"), join(folder.path, "data")],
    ],
    env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
  });
  return serverOf(command, tls.length > 0 ? "https" : "http", { region, credentials }, folder);
}

/** Another account of a versitygw, which may do nothing until a bucket's policy says so. */
export async function addUser(server: S3Server): Promise<S3Server["credentials"]> {
  const accessKeyId = `user-${randomBytes(4).toString("hex")}`;
  const secretAccessKey = randomBytes(16).toString("hex");
  const { accessKeyId: root, secretAccessKey: secret } = server.credentials;
  const admin = ["admin", "--access", root, "--secret", secret, "--endpoint-url", server.endpoint, "create-user"];
  const user = ["--access", accessKeyId, "--secret", secretAccessKey, "--role", "user"];
  await promisify(execFile)(VERSITYGW, [...admin, ...user]);
  return { accessKeyId, secretAccessKey };
}

/**
 * The lenient one: every key, in memory. It takes any secret. `mended` is for what it plays beside S3, Lambda and Step
 * Functions above all (test/peers/ministack/mended.py); functions then run in the Node of this process, and tasks in the
 * Engine at `dockerHost`. `enforced`: over TLS, and nobody may do what no policy allows, but for its root. `settings` are
 * variables of its own. `mounts`: shell commands that mount what it and its functions see, and nobody else.
 */
export async function startMinistack({
  mended = false,
  dockerHost = "",
  enforced = false,
  settings = {} as Readonly<Record<string, string>>,
  mounts = "",
} = {}): Promise<S3Server> {
  if (!existsSync(MINISTACK)) throw new Error(MINISTACK_ABSENT);
  const folder = await temporaryFolder();
  const certificate = enforced ? await makeServerCertificate(join(folder.path, "tls")) : undefined;
  const program = mended ? join(dirname(MINISTACK), "python") : MINISTACK;
  const args = mended ? [join(BIN, "..", "ministack", "mended.py")] : [];
  const mounting = ["--mount", "sh", "-c", `${mounts} && exec "$0" "$@"`, program, ...args];
  const command = (port: number) => ({
    ...(mounts === "" ? { program, args } : { program: "unshare", args: mounting }),
    cwd: folder.path,
    env: {
      GATEWAY_PORT: `${port}`,
      BIND_HOST: "127.0.0.1",
      IOT_MTLS_ENABLED: "false",
      HOME: folder.path,
      ...(dockerHost === "" ? {} : { DOCKER_HOST: dockerHost }),
      ...(certificate === undefined ? {} : enforcing(certificate)),
      ...(mended ? { PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` } : {}),
      ...settings,
    },
  });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const facts = { region: "us-east-1", credentials, caFile: certificate?.caFile };
  return serverOf(command, enforced ? "https" : "http", facts, folder);
}

/** Its functions inherit whom to trust. */
const enforcing = ({ caFile, certFile, keyFile }: ServerCertificate) => ({
  AUTH: "true",
  USE_SSL: "1",
  MINISTACK_SSL_CERT: certFile,
  MINISTACK_SSL_KEY: keyFile,
  NODE_EXTRA_CA_CERTS: caFile,
});

async function serverOf(
  command: Parameters<typeof startListening>[0],
  scheme: "http" | "https",
  facts: Pick<S3Server, "region" | "credentials" | "caFile">,
  folder: AsyncDisposable,
): Promise<S3Server> {
  let started: ServerProcess = await startListening(command);
  const { port } = started;
  return {
    ...facts,
    endpoint: `${scheme}://127.0.0.1:${port}`,
    kill: () => started.kill(),
    root: () => `/proc/${started.pid}/root`,
    async restart() {
      started = await startListening(command, port);
    },
    async [Symbol.asyncDispose]() {
      await started.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function whyNot(path: string, absent: string): string | false {
  return existsSync(path) || process.env.CI !== undefined ? false : absent;
}

import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { SFNClient } from "@aws-sdk/client-sfn";
import { startListening } from "./listening.ts";
import { temporaryFolder } from "./stores.ts";

const PEERS = join(import.meta.dirname, "../peers");
const LOCALSTACK = process.env.CORE_BACKUP_TEST_LOCALSTACK ?? join(PEERS, ".bin/localstack");
const ABSENT =
  "no LocalStack: test/peers/localstack/build.sh installs it, or CORE_BACKUP_TEST_LOCALSTACK names its folder";

/** Why tests with it are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noSecondEngine: string | false = process.env.CI === undefined ? whatIsMissing() : false;

export interface SecondEngine extends AsyncDisposable {
  readonly sfn: SFNClient;
}

/** LocalStack's Step Functions, which share no line with MiniStack's. What a machine calls is served at `target`. */
export async function startSecondEngine(target: string): Promise<SecondEngine> {
  const missing = whatIsMissing();
  if (missing !== false) throw new Error(missing);
  const folder = await temporaryFolder();
  const started = await startListening((port) => ({
    program: join(LOCALSTACK, "bin/python"),
    args: [join(PEERS, "localstack/engine.py")],
    cwd: folder.path,
    env: {
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      TARGET: target,
      JAVA_HOME: dirname(dirname(java() ?? "")),
      SERVICES: "stepfunctions",
      DISABLE_EVENTS: "1",
      SKIP_SSL_CERT_DOWNLOAD: "1",
      FILESYSTEM_ROOT: folder.path,
      HOME: folder.path,
    },
  }));
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const sfn = new SFNClient({ endpoint: `http://127.0.0.1:${started.port}`, region: "us-east-1", credentials });
  return {
    sfn,
    async [Symbol.asyncDispose]() {
      sfn.destroy();
      // It does not heed SIGTERM while its Java runs.
      await started.kill();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function whatIsMissing(): string | false {
  if (!existsSync(join(LOCALSTACK, "bin/python"))) return ABSENT;
  return java() === undefined ? "no java in PATH, by which LocalStack evaluates JSONata" : false;
}

function java(): string | undefined {
  const { stdout, status } = spawnSync("sh", ["-c", "command -v java"], { encoding: "utf8" });
  return status === 0 ? realpathSync(stdout.trim()) : undefined;
}

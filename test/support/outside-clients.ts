import { readFile } from "node:fs/promises";
import { readAll } from "../../lib/bytes.ts";
import { metricsSchema } from "../../lib/config/metrics-options.ts";
import { s3Options } from "../../lib/config/s3-options.ts";
import { openEngine } from "../../lib/connectors/docker-volume/engine/engine.ts";
import { accountChoice } from "../../lib/connectors/github/choose-account.ts";
import { downloaded } from "../../lib/connectors/github/download.ts";
import { exchange } from "../../lib/connectors/github/exchange.ts";
import { lfsPlaces } from "../../lib/connectors/github/lfs-batch.ts";
import { awsCredentials } from "../../lib/connectors/mongodb/aws-credentials.ts";
import { driverFault } from "../../lib/connectors/mongodb/fault.ts";
import { announceWatch } from "../../lib/deployment/announce-watch.ts";
import { openDeployment } from "../../lib/deployment/deployment.ts";
import { cloneDumb } from "../../lib/git/dumb.ts";
import { openHttp } from "../../lib/git/transport-http.ts";
import { otlpOutput } from "../../lib/metrics/otlp.ts";
import { pushgatewayOutput } from "../../lib/metrics/pushgateway.ts";
import { createAwsSecrets } from "../../lib/secrets/aws.ts";
import { vaultSchema } from "../../lib/secrets/options.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import { openStorage } from "../../lib/storage/all.ts";
import { aReport } from "./a-report.ts";
import { aGithubAccount } from "./github-account.ts";
import { recordingLog, silentLog } from "./logs.ts";
import { openedNotifier } from "./opened-notifier.ts";
import { published } from "./published.ts";

/** Where the servers of a test are: all kinds of them at one host and port each. */
export interface Outside {
  readonly scheme: "http" | "https";
  /** For the authority of the servers' certificates. */
  readonly caFile: string;
  /** The host that a client is to ask, by the client's name. */
  host(client: string): string;
  readonly port: number;
  readonly mailPort: number;
}

type Ask = (url: string, outside: Outside, signal: AbortSignal) => Promise<unknown>;

const redaction = createRedaction();
const ACCESS = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "canary-key" };

/** Every kind of connection that the product makes to somebody else over TCP, but MongoDB's and ssh's. Each asks a server at `url` for something. */
export const outsideClients: Readonly<Record<string, Ask>> = {
  git: (url, _, signal) => openHttp({ url: `${url}/a.git`, authorization: undefined }, signal),
  "git-files": (url, _, signal) => cloneDumb({ url: `${url}/a.git`, authorization: undefined }, signal),
  "github-api": (url, _, signal) => exchange(url, { method: "GET", authorization: undefined, what: "GET /", signal }),
  "github-file": (url, _, signal) => readAll(downloaded({ url, headers: {}, what: "a file", signal }), 1_000_000),
  "github-lfs": (url, _, signal) =>
    lfsPlaces(
      `${url}/a.git`,
      { choice: accountChoice([account], { key: "", nowMs: Date.now }), mayTryAgain: async () => false, signal },
      [{ oid: "0".repeat(64), size: 1 }],
    ),
  slack: (url, _, signal) => told({ type: "slack", webhook_env: "SECRET" }, url, signal),
  webhook: (url, _, signal) => told({ type: "webhook", url_env: "SECRET" }, url, signal),
  pagerduty: (url, _, signal) => told({ type: "pagerduty", url, routing_key_env: "SECRET" }, "0".repeat(32), signal),
  sns: (url, _, signal) =>
    withVariables({}, () =>
      told({ type: "sns", topic_arn: "arn:aws:sns:eu-central-1:123456789012:t", endpoint: url }, "-", signal),
    ),
  email: (_, { host, mailPort }, signal) =>
    told(
      { type: "email", host: host("email"), port: mailPort, tls: "none", from: "a@b.example", to: ["a@b.example"] },
      "-",
      signal,
    ),
  pushgateway: async (url, _, signal) => {
    const { pushgateway } = metricsSchema.parse({ pushgateway: { url } });
    if (pushgateway === undefined) throw new Error("no options");
    const output = await pushgatewayOutput(pushgateway, { secrets: resolver({}, signal), hostname: "h" });
    await output.publish(published(["docs"]), signal);
  },
  otlp: (url, _, signal) =>
    otlpOutput({ url: `${url}/v1/traces`, headers: {}, timeoutMs: 5000, resource: {} }, redaction).publish(
      published([]),
      signal,
    ),
  vault: (url, { scheme, caFile }, signal) => {
    const ca = scheme === "https" ? { ca_file: caFile } : {};
    const vault = vaultSchema.parse({ address: url, ...ca, auth: { type: "token" } });
    const overVault = { sleep: async () => {} };
    const secrets = createSecretResolver({ env: { VAULT_TOKEN: "t" }, vault, redaction, signal, overVault });
    return secrets.resolve({ from: "vault", reference: "kv/a#b" });
  },
  "secrets-manager": (url, _, signal) =>
    withVariables({ AWS_ENDPOINT_URL_SECRETS_MANAGER: url }, () =>
      createAwsSecrets(signal).read({ from: "secret", reference: "a" }),
    ),
  "parameter-store": (url, _, signal) =>
    withVariables({ AWS_ENDPOINT_URL_SSM: url }, () => createAwsSecrets(signal).read({ from: "ssm", reference: "a" })),
  s3: (url, outside, signal) => prepared({ endpoint: url }, outside, signal),
  sts: (url, outside, signal) =>
    withVariables({ AWS_ENDPOINT_URL_STS: url }, () =>
      prepared({ endpoint: url, role_arn: "arn:aws:iam::123456789012:role/a" }, outside, signal),
    ),
  "mongodb-sts": (url, { caFile }) =>
    withVariables(
      {
        AWS_ENDPOINT_URL_STS: url,
        AWS_ACCESS_KEY_ID: "",
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/a",
        // Any file: what it holds is for STS to judge.
        AWS_WEB_IDENTITY_TOKEN_FILE: caFile,
        AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
        AWS_CONFIG_FILE: "/nonexistent",
      },
      async () => {
        const provider = await awsCredentials();
        return await provider().catch((error: unknown) => {
          throw driverFault(error, "connecting to the server");
        });
      },
    ),
  "step-functions": (url, _, signal) =>
    withVariables({ AWS_ENDPOINT_URL_SFN: url }, () =>
      openDeployment({ service: "s", stage: "t", region: "eu-central-1" }, signal).machine("docs"),
    ),
  eventbridge: (url, _, signal) =>
    withVariables({ AWS_ENDPOINT_URL_EVENTBRIDGE: url }, async () => {
      const { log, lines } = recordingLog();
      const late = { age: 1, deadline: 2, lateBy: null, lateSince: null };
      const job = { job: "a", storage: "s", ok: true, ...late, snapshot: null };
      await announceWatch("bus", [{ ...job, problems: [], notices: [] }], { log, redaction, signal });
      // It is a line in the log and no failure.
      if (lines.length > 0) throw new Error(lines.join("\n"));
    }),
  docker: async (_, { scheme, host, port, caFile }, signal) => {
    const tls = scheme === "https" ? { ca: await readFile(caFile, "utf8") } : undefined;
    const ssh = { sshKeyFile: undefined, sshKnownHostsFile: undefined };
    const name = host("docker");
    await openEngine({ host: { kind: "tcp", host: name, port }, name: `tcp://${name}`, tls, ssh }, signal);
  },
};

const account = aGithubAccount();

const resolver = (env: Readonly<Record<string, string>>, signal: AbortSignal) =>
  createSecretResolver({ env, redaction, signal });

async function told(options: Readonly<Record<string, unknown>>, secret: string, signal: AbortSignal): Promise<void> {
  const { notifier } = await openedNotifier(options, { SECRET: secret });
  await notifier.send(aReport(), signal);
}

async function prepared(options: object, { scheme, caFile }: Outside, signal: AbortSignal): Promise<void> {
  const secrets = resolver({ KEY_ID: "id", KEY: "canary-key" }, signal);
  const keys = { access_key_id_env: "KEY_ID", secret_access_key_env: "KEY" };
  const ca = scheme === "https" ? { ca_file: caFile } : {};
  const parsed = s3Options.parse({ type: "s3", bucket: "backups", ...keys, ...ca, ...options });
  const storage = await openStorage("cloud", parsed, {
    secrets,
    redaction,
    log: silentLog,
    now: () => new Date(),
    signal,
  });
  await storage.prepare("job/");
}

/** The SDK of AWS reads these of the process alone. */
async function withVariables<T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const all = { ...ACCESS, ...variables };
  const before = Object.keys(all).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, all);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

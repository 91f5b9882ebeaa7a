import type { MongoClient, MongoClientOptions, ReadPreferenceMode } from "mongodb";
import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import { behindProxy, isMongoSrv, mongoHosts } from "../../mongo-hosts.ts";
import { checkEgress } from "../../network/egress.ts";
import { isForGivenProxy } from "../../network/proxies.ts";
import type { Redaction } from "../../secrets/redaction.ts";
import type { SecretReference, SecretResolver } from "../../secrets/secrets.ts";
import { awsCredentials } from "./aws-credentials.ts";
import { driverFault } from "./fault.ts";
import type { MongodbOptions } from "./options.ts";
import { checkTls, type ServerTls, serverTls } from "./server-tls.ts";
import { isMongoUri, uriParameter, uriSecrets } from "./uri.ts";

/** Everything that is needed to connect, secrets resolved. */
export interface ServerAddress {
  readonly uri: string;
  readonly tls: ServerTls;
  readonly readPreference: ReadPreferenceMode | undefined;
}

interface Secrets {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
}

/** Long enough for an election, short enough that an operator sees why nothing happens. */
const SELECTION_MS = 30_000;
const MAX_CONNECTIONS = 100;

/** Of the server that is backed up. @throws ConfigError | TransientError when a secret cannot be had, or is no URI */
export async function serverAddress(options: MongodbOptions, context: Secrets): Promise<ServerAddress> {
  const address = await addressAt(options, secretOf(options, "uri"), "uri", context);
  return { ...address, readPreference: options.read_preference };
}

/** Of the server where proofs are restored to. Undefined when there is none. */
export async function proofAddress(options: MongodbOptions, context: Secrets): Promise<ServerAddress | undefined> {
  const reference = secretOf(options, "prove_uri");
  return reference === undefined ? undefined : addressAt(options, reference, "prove_uri", context);
}

/** Of the server whose URI is at `reference`, to write to; TLS is that of the job. `name` says in errors what is wrong. */
export async function addressAt(
  options: MongodbOptions,
  reference: SecretReference | undefined,
  name: string,
  context: Secrets,
): Promise<ServerAddress> {
  return {
    uri: await resolvedUri(reference, name, context),
    tls: await serverTls(options, context.secrets),
    readPreference: "primary",
  };
}

async function resolvedUri(
  reference: SecretReference | undefined,
  name: string,
  { secrets, redaction }: Secrets,
): Promise<string> {
  if (reference === undefined) throw new ConfigError(`${name}_env is missing`);
  const uri = (await secrets.resolve(reference)).trim();
  if (!isMongoUri(uri))
    throw new ConfigError(`what ${name} refers to is no URI: it must begin with mongodb:// or mongodb+srv://`);
  for (const secret of uriSecrets(uri)) redaction.add(secret);
  checkHosts(uri, name);
  return uri;
}

/** Members that the driver hears of later are looked at when it connects to them. */
function checkHosts(uri: string, name: string): void {
  if (uriParameter(uri, "proxyHost") !== undefined)
    throw new ConfigError(`${name}: holds proxyHost, a proxy for SOCKS, and there is no SOCKS here: take it out`);
  for (const { host, port } of mongoHosts(uri)) {
    if (!isMongoSrv(uri)) checkEgress(host, port);
    if (isForGivenProxy(host, port)) throw new ConfigError(`${name}: ${behindProxy(host)}`);
  }
}

/** A connected client. The driver is loaded here, so that only jobs that need it pay for that. @throws SourceError | TransientError | ConfigError */
export async function connect(address: ServerAddress, signal: AbortSignal): Promise<MongoClient> {
  checkTls(address.tls);
  const { MongoClient } = await import("mongodb");
  let client: MongoClient | undefined;
  try {
    client = new MongoClient(address.uri, await clientOptions(address));
    await abortable(client.connect(), signal);
    return client;
  } catch (error) {
    await client?.close();
    signal.throwIfAborted();
    throw driverFault(error, "connecting to the server");
  }
}

async function clientOptions(address: ServerAddress): Promise<MongoClientOptions> {
  const { uri, readPreference } = address;
  const { ca, certificateKey, certificateKeyPassword } = address.tls;
  return {
    appName: "core-backup",
    maxPoolSize: MAX_CONNECTIONS,
    enableUtf8Validation: false,
    ...(uriParameter(uri, "serverSelectionTimeoutMS") === undefined ? { serverSelectionTimeoutMS: SELECTION_MS } : {}),
    ...((ca ?? certificateKey) === undefined ? {} : { tls: true }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificateKey === undefined ? {} : { cert: certificateKey, key: certificateKey }),
    ...(certificateKeyPassword === undefined ? {} : { passphrase: certificateKeyPassword }),
    ...(readPreference === undefined ? {} : { readPreference }),
    ...(usesAwsIam(uri) ? { authMechanismProperties: { AWS_CREDENTIAL_PROVIDER: await awsCredentials() } } : {}),
  };
}

export const usesAwsIam = (uri: string): boolean => uriParameter(uri, "authMechanism") === "MONGODB-AWS";

/** Ends with the signal's reason as soon as it is aborted; what `work` does later is nobody's concern. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

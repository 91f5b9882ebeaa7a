import { A_PROXY } from "../../config/network-options.ts";
import { isBucket, type S3Options } from "../../config/s3-options.ts";
import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { isProxyAddress, PERCENT, proxySecrets } from "../../network/proxy-variables.ts";
import type { RetryOptions } from "../../retry.ts";
import type { Redaction } from "../../secrets/redaction.ts";
import type { SecretResolver } from "../../secrets/secrets.ts";
import type { Storage } from "../storage.ts";
import { connect, createS3Client, proxiesFor } from "./client.ts";
import { credentialsFor } from "./credentials.ts";
import { plainProxy } from "./plain-proxy.ts";
import { s3Storage } from "./s3.ts";
import type { ObjectSettings } from "./store.ts";

export interface OpenS3Context {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
  readonly log: Log;
  readonly now: () => Date;
  readonly retry: RetryOptions;
}

/** The storage that these options describe. Resolves their secrets; connects to nothing yet. @throws ConfigError */
export async function openS3Storage(name: string, options: S3Options, context: OpenS3Context): Promise<Storage> {
  const { secrets, log, now, retry } = context;
  const bucket = await bucketOf(name, options, secrets);
  const proxy = await proxyOf(name, options, context);
  const connection = connect({ caFile: options.ca_file, proxy });
  const region = options.region ?? (options.endpoint === undefined ? undefined : "us-east-1");
  const credentials = await credentialsFor(options, { ...context, connection, region, store: { name, bucket } });
  const client = createS3Client({
    region,
    endpoint: options.endpoint,
    pathStyle: options.path_style ?? options.endpoint !== undefined,
    credentials,
    connection,
  });
  const { prefix } = options;
  return s3Storage({
    client,
    name,
    bucket,
    plainProxy: options.endpoint === undefined ? undefined : plainProxy(options.endpoint, proxiesFor(proxy)),
    prefix,
    objects: objectSettings(options),
    retry,
    signal: retry.signal,
    log,
    now,
  });
}

async function bucketOf(name: string, options: S3Options, secrets: SecretResolver): Promise<string> {
  const reference = secretOf(options, "bucket");
  // Not a secret wherever it comes from: every error names it.
  const bucket = reference === undefined ? "" : (await secrets.resolve(reference, { isSecret: false })).trim();
  if (isBucket(bucket)) return bucket;
  throw new ConfigError(`storage ${name}: ${JSON.stringify(bucket)} is not the name of a bucket`);
}

async function proxyOf(
  name: string,
  options: S3Options,
  { secrets, redaction }: Pick<OpenS3Context, "secrets" | "redaction">,
): Promise<string | undefined> {
  const reference = secretOf(options, "proxy");
  if (reference === undefined) return undefined;
  const proxy = (await secrets.resolve(reference)).trim();
  if (!isProxyAddress(proxy)) throw new ConfigError(`storage ${name}: its proxy is not ${A_PROXY}; ${PERCENT}`);
  for (const secret of proxySecrets(proxy)) redaction.add(secret);
  return proxy;
}

function objectSettings({ storage_class, sse, kms_key, object_lock, tags }: S3Options): ObjectSettings {
  const mode = object_lock?.mode === "compliance" ? "COMPLIANCE" : "GOVERNANCE";
  return {
    storageClass: storage_class,
    sse,
    kmsKey: kms_key,
    lock: object_lock === undefined ? undefined : { mode, days: object_lock.days },
    tags,
  };
}

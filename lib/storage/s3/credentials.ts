import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import type { S3Options } from "../../config/s3-options.ts";
import { secretOf } from "../../config/secret-fields.ts";
import { StorageError } from "../../errors.ts";
import type { Redaction } from "../../secrets/redaction.ts";
import type { SecretResolver } from "../../secrets/secrets.ts";
import { type Connection, requestHandler } from "./client.ts";
import { type Named, s3Error } from "./errors.ts";

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** Asked before a request whenever what it gave last is about to expire. */
type CredentialsProvider = () => Promise<Credentials>;

interface CredentialsContext {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
  readonly connection: Connection;
  readonly region: string | undefined;
  /** For whom they are, so that errors can say it. */
  readonly store: Named;
}

const ROLE_SESSION = "core-backup";

/** Those of the configuration, else what the AWS SDK finds (variables, profile, container, instance); with `role_arn` the role's. */
export async function credentialsFor(options: S3Options, context: CredentialsContext): Promise<CredentialsProvider> {
  const given = await givenCredentials(options, context.secrets);
  const chain = defaultProvider({ clientConfig: { requestHandler: requestHandler(context.connection) } });
  const own = given === undefined ? chain : async () => given;
  const provider = options.role_arn === undefined ? own : assumedRole(options, own, context);
  return async () => {
    const credentials = await provider();
    // What the SDK finds by itself is as secret as what the configuration refers to.
    context.redaction.add(credentials.secretAccessKey);
    if (credentials.sessionToken !== undefined) context.redaction.add(credentials.sessionToken);
    return credentials;
  };
}

async function givenCredentials(options: S3Options, secrets: SecretResolver): Promise<Credentials | undefined> {
  const id = secretOf(options, "access_key_id");
  const key = secretOf(options, "secret_access_key");
  const token = secretOf(options, "session_token");
  if (id === undefined || key === undefined) return undefined;
  return {
    accessKeyId: await secrets.resolve(id),
    secretAccessKey: await secrets.resolve(key),
    ...(token === undefined ? {} : { sessionToken: await secrets.resolve(token) }),
  };
}

function assumedRole(
  { role_arn: RoleArn, external_id: ExternalId }: S3Options,
  own: CredentialsProvider,
  { connection, region, store }: CredentialsContext,
): CredentialsProvider {
  const sts = new STSClient({
    credentials: own,
    requestHandler: requestHandler(connection),
    ...(region === undefined ? {} : { region }),
  });
  const doing = { what: `assuming ${RoleArn}`, needs: ["sts:AssumeRole of that role", "the role's trust in them"] };
  return async () => {
    const command = new AssumeRoleCommand({ RoleArn, ExternalId, RoleSessionName: ROLE_SESSION });
    const { Credentials: made } = await sts.send(command).catch((error: unknown) => {
      throw s3Error(store, doing, error);
    });
    if (made?.AccessKeyId === undefined || made.SecretAccessKey === undefined || made.SessionToken === undefined) {
      throw new StorageError("STORAGE_UNAUTHORIZED", `assuming ${RoleArn}: the answer has no credentials`);
    }
    return {
      accessKeyId: made.AccessKeyId,
      secretAccessKey: made.SecretAccessKey,
      sessionToken: made.SessionToken,
      expiration: made.Expiration,
    };
  };
}

import { ConfigError, TransientError } from "../errors.ts";
import { type Agents, networkAgents } from "../network/agents.ts";
import { networkRefusal } from "../network/refusal.ts";
import { filled, missing } from "./local.ts";
import type { AwsSecretReference } from "./secrets.ts";

/** Reads AWS Secrets Manager and the Parameter Store of AWS Systems Manager. */
export interface AwsSecrets {
  /** `id-or-arn`, with `#field` for a value that is a JSON object. @throws ConfigError `SECRET_MISSING` | TransientError */
  read(reference: AwsSecretReference): Promise<string>;
}

/**
 * Account, region and rights come from the SDK's usual chain: variables, profile, the role of a function or task. An
 * ARN says its region itself. The SDK is loaded at the first call, because most configurations never need it. `agents`: those of the process by default.
 */
export function createAwsSecrets(signal: AbortSignal, agents?: Agents): AwsSecrets {
  return {
    async read(reference) {
      const { id, field, region } = parseReference(reference);
      const what = `${reference.from === "secret" ? "the secret" : "the parameter"} ${id} of AWS`;
      const read = reference.from === "secret" ? secretText : parameterText;
      const text = await fetched(what, reference.from, () => read(id, { region, signal, agents }));
      if (text === undefined) throw missing(`${what} holds no text`);
      return filled(field === undefined ? text : fieldOf(text, field, what), what);
    },
  };
}

interface Parsed {
  readonly id: string;
  readonly field: string | undefined;
  /** That of an ARN; a bare name is looked up in the region of the process. */
  readonly region: string | undefined;
}

function parseReference({ reference }: AwsSecretReference): Parsed {
  const [id = "", field] = reference.split("#");
  return { id, field, region: id.startsWith("arn:") ? id.split(":")[3] : undefined };
}

interface Reached {
  readonly region: string | undefined;
  readonly signal: AbortSignal;
  readonly agents: Agents | undefined;
}

async function secretText(id: string, { region, signal, agents }: Reached): Promise<string | undefined> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  const client = new SecretsManagerClient({
    requestHandler: agents ?? networkAgents(),
    ...(region === undefined ? {} : { region }),
  });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id }), { abortSignal: signal });
    return SecretString;
  } finally {
    client.destroy();
  }
}

async function parameterText(id: string, { region, signal, agents }: Reached): Promise<string | undefined> {
  const { GetParameterCommand, SSMClient } = await import("@aws-sdk/client-ssm");
  const client = new SSMClient({
    requestHandler: agents ?? networkAgents(),
    ...(region === undefined ? {} : { region }),
  });
  try {
    const command = new GetParameterCommand({ Name: id, WithDecryption: true });
    const { Parameter } = await client.send(command, { abortSignal: signal });
    return Parameter?.Value;
  } finally {
    client.destroy();
  }
}

function fieldOf(text: string, field: string, what: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Without the cause: it quotes what it could not read.
    throw missing(`${what} is not JSON, so it has no field ${field}`);
  }
  const value = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
  const found = value.find(([name]) => name === field)?.[1];
  if (typeof found === "string") return found;
  if (typeof found === "number" || typeof found === "boolean") return String(found);
  throw missing(`${what} has no field ${field} that holds text`);
}

const RIGHTS = { secret: "secretsmanager:GetSecretValue", ssm: "ssm:GetParameter" } as const;
const ABSENT = new Set(["ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"]);
const DENIED = new Set(["AccessDeniedException", "AccessDenied", "UnauthorizedOperation"]);
const LATER = new Set(["ThrottlingException", "InternalServiceError", "InternalServerError", "TimeoutError"]);
const NO_CREDENTIALS = new Set(["CredentialsProviderError", "TokenProviderError"]);
const REFUSED = new Set([
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "ExpiredTokenException",
  "IncompleteSignature",
]);

/** What AWS throws is told in the words of an operator, and never quotes a value. */
async function fetched<T>(what: string, from: "secret" | "ssm", read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw faultOf(error, what, from);
  }
}

function faultOf(error: unknown, what: string, from: "secret" | "ssm"): unknown {
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  const options = { cause: error };
  const refused = networkRefusal(error);
  if (refused !== undefined)
    return new ConfigError(`${what} cannot be read: ${refused.message}`, { code: refused.code, cause: error });
  if (ABSENT.has(error.name)) return missing(`${what} does not exist in this account and region`, options);
  if (DENIED.has(error.name))
    return missing(
      `${what} may not be read: ${RIGHTS[from]} or kms:Decrypt is missing${whoIn(error.message)}`,
      options,
    );
  if (NO_CREDENTIALS.has(error.name))
    return missing(`${what} cannot be read: there are no AWS credentials here`, options);
  if (REFUSED.has(error.name))
    return missing(`${what} cannot be read: AWS refuses the credentials (${error.name})`, options);
  if (/region/i.test(error.message) && error.name === "Error")
    return missing(`${what} cannot be read: no AWS region is set (AWS_REGION, or an ARN as reference)`, options);
  const status = "$metadata" in error ? statusOf(error.$metadata) : undefined;
  if (LATER.has(error.name) || status === undefined || status >= 500 || status === 429)
    return new TransientError("SOURCE_UNAVAILABLE", `${what} cannot be read just now (${error.name})`, options);
  return missing(`${what} cannot be read (${error.name})`, options);
}

/** Whom AWS refused, which is all that is taken of what it says. */
function whoIn(message: string): string {
  const who = /^User: (arn:[\w:+=,.@/-]+)/.exec(message)?.[1];
  return who === undefined ? "" : ` for ${who}`;
}

function statusOf(metadata: unknown): number | undefined {
  const status = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  const value = status.find(([name]) => name === "httpStatusCode")?.[1];
  return typeof value === "number" ? value : undefined;
}

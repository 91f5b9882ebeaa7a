import { faultLine } from "../lib/config/faults.ts";
import { loadConfig } from "../lib/config/load.ts";
import type { Config } from "../lib/config/schema.ts";
import { BUCKET_VARIABLE } from "../lib/deployment/stack.ts";
import { ConfigError } from "../lib/errors.ts";
import type { Deployed } from "./deployed.ts";
import { onAwsFaults } from "./on-aws.ts";
import { referenceOnAws } from "./reference-on-aws.ts";

export interface AwsConfig {
  readonly config: Config;
  /** The file as its YAML gives it. */
  readonly document: unknown;
}

/** The configuration as it is deployed. @throws Error with a line a fault, `file:line:column: path: message` */
export async function awsConfig(file: string, bucket: string, deployed: Deployed): Promise<AwsConfig> {
  try {
    return await loadAwsConfig(file, bucket, deployed);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.faults.length === 0) throw error;
    const message = `the configuration cannot be deployed:\n${error.faults.map(faultLine).join("\n")}`;
    const refused = new Error(message, { cause: error });
    // The framework prints the stack of whatever is thrown; where in infra/ it was found helps nobody.
    refused.stack = message;
    throw refused;
  }
}

/**
 * Every fault is told at once, those that only AWS has among them: what cannot be written into a schedule, a secret that
 * would stand in clear in a function's environment. @throws ConfigError
 */
export async function loadAwsConfig(file: string, bucket: string, deployed: Deployed): Promise<AwsConfig> {
  let document: unknown;
  const more = (value: unknown) => {
    document = value;
    return onAwsFaults(value, deployed);
  };
  const env = { [BUCKET_VARIABLE]: bucket };
  const config = await loadConfig(file, { env, sources: false, more, refusal: referenceOnAws });
  return { config, document };
}

import { loadConfig } from "../lib/config/load.ts";
import type { Config } from "../lib/config/schema.ts";
import { type Deployment, openDeployment } from "../lib/deployment/deployment.ts";
import {
  BUCKET_VARIABLE,
  DEFAULT_REGION,
  DEFAULT_SERVICE,
  DEFAULT_STAGE,
  type Stack,
} from "../lib/deployment/stack.ts";
import { enterNetwork } from "../lib/network/enter-network.ts";
import type { CommandContext } from "./command.ts";
import { configFile } from "./session.ts";

/** Which deployment is meant, by the same rules as `serverless deploy`. */
const stackOf = ({ options, env }: CommandContext): Stack => ({
  service: options.service ?? DEFAULT_SERVICE,
  stage: options.stage ?? DEFAULT_STAGE,
  region: options.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || DEFAULT_REGION),
});

/** Works with the deployment that the command's options mean. */
export async function withDeployment<T>(context: CommandContext, work: (deployment: Deployment) => Promise<T>) {
  const { env, redaction, signal } = context;
  await enterNetwork(await deployedConfig(context), { env, redaction, signal });
  const deployment = openDeployment(stackOf(context), context.signal);
  try {
    return await work(deployment);
  } finally {
    deployment.close();
  }
}

/** The configuration at a desk that may not know the bucket: the deployment does. @throws ConfigError */
export const deployedConfig = (context: CommandContext): Promise<Config> =>
  loadConfig(configFile(context), { env: knowingBucket(context, "the-bucket-of-the-stack").env, sources: false });

/** What the environment says wins. */
export const knowingBucket = (context: CommandContext, bucket: string): CommandContext => ({
  ...context,
  env: { [BUCKET_VARIABLE]: bucket, ...context.env },
});

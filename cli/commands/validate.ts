import { loadAwsConfig } from "../../infra/aws-config.ts";
import { type EfsMount, efsMounts } from "../../infra/efs.ts";
import type { Config } from "../../lib/config/schema.ts";
import { formatCount } from "../../lib/format.ts";
import type { Command, CommandContext } from "../command.ts";
import { configFile, loadedConfig } from "../session.ts";
import { UsageError } from "../usage-error.ts";

/** Stands for the stack's own, whose name is known once it is deployed. */
const BUCKET = "core-backup";

/** Faults are thrown as they are by every command; `main.ts` prints them. */
export const validateCommand: Command = async (context) => {
  const { aws, efs, image } = context.options;
  if (!aws && (efs !== undefined || image !== undefined))
    throw new UsageError("--efs and --image are of --aws: they are parameters of a deployment");
  const config = aws ? await asDeployed(context) : await loadedConfig(context, { sources: true });
  const storages = formatCount(Object.keys(config.storage).length, "storage");
  const where = aws ? " on AWS" : "";
  const text = `${config.file}: valid${where}, ${formatCount(config.jobs.length, "job")}, ${storages}\n`;
  context.output.result({ text, json: { ok: true, errors: [] } });
  return 0;
};

/** Secrets and variables are the functions', so that none need be set here. */
async function asDeployed(context: CommandContext): Promise<Config> {
  const { efs = "", image = "" } = context.options;
  const deployed = { mounts: mountsOf(efs), image };
  const { config } = await loadAwsConfig(configFile(context), BUCKET, deployed);
  return config;
}

function mountsOf(text: string): readonly EfsMount[] {
  try {
    return efsMounts(text);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace("--param=efs", "--efs") : String(error));
  }
}

import { LambdaClient, ListFunctionsCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import type { ClientOptions } from "./deployed-stack.ts";

/** Has all functions find AWS at another address meanwhile. Each begins anew with it, and again after it: nothing that it kept is left. */
export async function functionsAt(client: ClientOptions, endpoint: string, work: () => Promise<void>): Promise<void> {
  const lambda = new LambdaClient(client);
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const give = async (more: Record<string, string>) => {
    for (const { FunctionName, Environment } of Functions)
      await lambda.send(
        new UpdateFunctionConfigurationCommand({
          FunctionName,
          Environment: { Variables: { ...Environment?.Variables, ...more } },
        }),
      );
  };
  await give({ AWS_ENDPOINT_URL: endpoint });
  try {
    await work();
  } finally {
    await give({});
    lambda.destroy();
  }
}

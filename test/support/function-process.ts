import { readdir, readFile } from "node:fs/promises";

/** Process ids of a deployed function's workers: children of the emulator at `endpoint`, as their environment says. */
export async function functionProcesses(endpoint: string, functionName: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
    const variables = new Set(environment.split("\0"));
    if (variables.has(`AWS_LAMBDA_FUNCTION_NAME=${functionName}`) && variables.has(`AWS_ENDPOINT_URL=${endpoint}`))
      found.push(Number(name));
  }
  return found;
}

import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./stores.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** What a deployment reads; the rest of the checkout is not there. */
const PARTS = [
  ...["serverless.yml", "package.json", "package-lock.json", "tsconfig.json"],
  ...["bin", "cli", "container", "functions", "infra", "lib", "scripts", "statemachines"],
];
const run = promisify(execFile);

/** A template of CloudFormation, as far as tests look into it. */
export interface Template {
  readonly Mappings: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>>;
}

/** The text of a state machine's definition, with nothing substituted in it. */
export function definitionOf({ Mappings }: Template, properties: { readonly DefinitionString?: unknown }): string {
  const { "Fn::FindInMap": place } = properties.DefinitionString as { "Fn::FindInMap": [string, string, string] };
  const text = Mappings[place[0]]?.[place[1]]?.[place[2]];
  if (text === undefined) throw new Error(`the template has no ${place.join(" ")}`);
  return text;
}

/** A copy of what is deployed, with a configuration of its own, so that a test writes nothing into the checkout. */
export interface Deployment extends AsyncDisposable {
  readonly folder: string;
  /** `package`, `deploy` … of the framework. Rejects with all that it printed. */
  serverless(command: string, options?: ServerlessOptions): Promise<string>;
  /** What the last `package` or `deploy` made. */
  template(): Promise<Template>;
}

export interface ServerlessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
}

export async function aDeployment(config: string): Promise<Deployment> {
  const folder = await temporaryFolder();
  for (const part of PARTS) await cp(join(CHECKOUT, part), join(folder.path, part), { recursive: true });
  await symlink(join(CHECKOUT, "node_modules"), join(folder.path, "node_modules"));
  await mkdir(join(folder.path, "config"));
  await writeFile(join(folder.path, "config/core-backup.yml"), config);
  return {
    folder: folder.path,
    async serverless(command, { env = {}, params = {} } = {}) {
      const given = Object.entries(params).map(([name, value]) => `--param=${name}=${value}`);
      const args = [join(CHECKOUT, "node_modules/osls/bin/serverless.js"), command, "--stage", "test", ...given];
      const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
      const options = { cwd: folder.path, env: { PATH: path, HOME: folder.path, ...env }, maxBuffer: 1 << 26 };
      try {
        const { stdout, stderr } = await run(process.execPath, [...args, "--region", "us-east-1"], options);
        return stdout + stderr;
      } catch (error) {
        const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
        throw new Error(`serverless ${command} failed:\n${stdout}${stderr}`, { cause: error });
      }
    },
    template: async () =>
      JSON.parse(await readFile(join(folder.path, ".serverless/cloudformation-template-update-stack.json"), "utf8")),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

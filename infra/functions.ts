import { capitalized } from "./names.ts";

/** A step of a run as a function. Memory in MiB (CPU grows with it), time in seconds. */
export interface FunctionSpec {
  readonly name: "plan" | "collect" | "finish" | "verify" | "prune" | "notify" | "verdict" | "watch";
  readonly about: string;
  readonly memory: number;
  readonly timeout: number;
  /** Whether its bundle holds connectors: those of the configuration, no others. */
  readonly connectors: boolean;
}

/** The longest that Lambda allows. */
const LONGEST = 900;
/** One whole processor. */
const ONE_CPU = 1769;

export const functionTable: readonly FunctionSpec[] = [
  { name: "plan", about: "takes the lease, lists the units", memory: 512, timeout: LONGEST, connectors: true },
  { name: "collect", about: "stores one unit", memory: ONE_CPU, timeout: LONGEST, connectors: true },
  { name: "finish", about: "makes the snapshot exist", memory: 1024, timeout: LONGEST, connectors: false },
  { name: "verify", about: "reads back and proves", memory: ONE_CPU, timeout: LONGEST, connectors: true },
  { name: "prune", about: "applies the retention", memory: 512, timeout: LONGEST, connectors: false },
  { name: "notify", about: "tells how the run ended", memory: 512, timeout: 300, connectors: false },
  { name: "verdict", about: "ends a run that did not end well", memory: 256, timeout: 30, connectors: false },
  { name: "watch", about: "looks at every job from outside", memory: 512, timeout: 300, connectors: false },
];

/** Where the bundles are made (`bundle.ts`) and packaged from. */
export const BUILD_FOLDER = ".build";

/** The logical id that the framework gives the function of a name. */
export const functionLogicalId = (name: string): string => `${capitalized(name)}LambdaFunction`;

export interface FunctionOptions {
  /** For the names of the configuration's file in the package and of the bucket. */
  readonly environment: Readonly<Record<string, unknown>>;
  readonly configFile: string;
  /** Calls of `collect` at once that are reserved for it; no bound of its own when absent. */
  readonly collectConcurrency: number | undefined;
  readonly roleOf: (name: FunctionSpec["name"]) => string;
}

/** What `functions:` of serverless.yml holds. */
export function functionDefinitions({
  environment,
  configFile,
  collectConcurrency,
  roleOf,
}: FunctionOptions): Record<string, unknown> {
  return Object.fromEntries(
    functionTable.map(({ name, about, memory, timeout }) => [
      name,
      {
        handler: `${BUILD_FOLDER}/${name}/index.handler`,
        description: `core-backup: ${about}`,
        memorySize: memory,
        timeout,
        // As a text: for a name the framework writes down a dependency that there is already.
        role: { "Fn::Sub": `\${${roleOf(name)}.Arn}` },
        ...(name === "collect" && collectConcurrency !== undefined ? { reservedConcurrency: collectConcurrency } : {}),
        environment,
        package: { individually: true, patterns: ["!**", `${BUILD_FOLDER}/${name}/**`, configFile] },
      },
    ]),
  );
}

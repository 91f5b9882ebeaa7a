import type { Config } from "../lib/config/schema.ts";
import { type EfsMount, functionMount } from "./efs.ts";
import { pascal } from "./names.ts";
import { type Readers, readersOf } from "./readers.ts";

/** A step of a run as a function. Memory in MiB (CPU grows with it), time in seconds. */
export interface FunctionSpec {
  readonly name: "plan" | "collect" | "finish" | "verify" | "prune" | "notify" | "verdict" | "watch";
  readonly about: string;
  readonly memory: number;
  readonly timeout: number;
  /** Whether it reads sources: then there is one for each group of jobs (`readers.ts`), and its bundle holds their connector. */
  readonly connectors: boolean;
  /** Whether it tells, or looks whether everyone can be told: then its bundle holds the configuration's notifiers. */
  readonly notifiers: boolean;
}

/** The longest that Lambda allows. */
const LONGEST = 900;
/** One whole processor. */
const ONE_CPU = 1769;

export const functionTable: readonly FunctionSpec[] = [
  {
    name: "plan",
    about: "takes the lease, lists the units",
    memory: 512,
    timeout: LONGEST,
    connectors: true,
    notifiers: false,
  },
  { name: "collect", about: "stores one unit", memory: ONE_CPU, timeout: LONGEST, connectors: true, notifiers: false },
  {
    name: "finish",
    about: "makes the snapshot exist",
    memory: 1024,
    timeout: LONGEST,
    connectors: false,
    notifiers: true,
  },
  {
    name: "verify",
    about: "reads back and proves",
    memory: ONE_CPU,
    timeout: LONGEST,
    connectors: true,
    notifiers: false,
  },
  { name: "prune", about: "applies the retention", memory: 512, timeout: LONGEST, connectors: false, notifiers: false },
  { name: "notify", about: "tells how the run ended", memory: 512, timeout: 300, connectors: false, notifiers: true },
  {
    name: "verdict",
    about: "ends a run that did not end well",
    memory: 256,
    timeout: 30,
    connectors: false,
    notifiers: false,
  },
  {
    name: "watch",
    about: "looks at every job from outside",
    memory: 512,
    timeout: 300,
    connectors: false,
    notifiers: true,
  },
];

/** Where the bundles are made (`bundle.ts`) and packaged from. */
export const BUILD_FOLDER = ".build";

/** A function of the stack. */
export interface StackFunction {
  readonly spec: FunctionSpec;
  /** Whose sources it reads. */
  readonly readers: Readers | undefined;
  /** `finish`, `collect-git` */
  readonly name: string;
  /** Below `BUILD_FOLDER`. Functions that only read other secrets are the same code. */
  readonly folder: string;
}

export function stackFunctions(config: Config): readonly StackFunction[] {
  const groups = readersOf(config);
  return functionTable.flatMap((spec): readonly StackFunction[] => {
    const { name } = spec;
    if (!spec.connectors) return [{ spec, readers: undefined, name, folder: name }];
    return groups.map((readers) => ({
      ...{ spec, readers },
      name: functionName(spec, readers.id),
      folder: `${name}-${readers.service}`,
    }));
  });
}

/** That of a step for the jobs whose readers have this id. */
export const functionName = ({ name, connectors }: FunctionSpec, readersId: string): string =>
  connectors ? `${name}-${readersId}` : name;

/** The logical id that the framework gives the function of a name. */
export const functionLogicalId = (name: string): string => `${pascal(name)}LambdaFunction`;

export const roleLogicalId = (name: string): string => `${pascal(name)}Role`;

export interface FunctionOptions {
  /** `<service>-<stage>` */
  readonly stack: string;
  /** For the names of the configuration's file in the package and of the bucket. */
  readonly environment: Readonly<Record<string, unknown>>;
  readonly configFile: string;
  /** Calls at once that are reserved for each function that collects; no bound of its own when absent. */
  readonly collectConcurrency: number | undefined;
  /** The network that it runs in, where that is one of yours, and the file system that it mounts there. */
  readonly placeOf: (one: StackFunction) => FunctionPlace;
}

export interface FunctionPlace {
  readonly network: FunctionNetwork | undefined;
  readonly mount: EfsMount | undefined;
}

export interface FunctionNetwork {
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/** What `functions:` of serverless.yml holds. */
export function functionDefinitions(
  functions: readonly StackFunction[],
  { stack, environment, configFile, collectConcurrency, placeOf }: FunctionOptions,
): Record<string, unknown> {
  return Object.fromEntries(
    functions.map((one) => {
      const { spec, name, folder } = one;
      return [
        pascal(name),
        {
          name: `${stack}-${name}`,
          handler: `${BUILD_FOLDER}/${folder}/index.handler`,
          description: `core-backup: ${spec.about}`,
          memorySize: spec.memory,
          timeout: spec.timeout,
          // As a text: for a name the framework writes down a dependency that there is already.
          role: { "Fn::Sub": `\${${roleLogicalId(name)}.Arn}` },
          ...(spec.name === "collect" && collectConcurrency !== undefined
            ? { reservedConcurrency: collectConcurrency }
            : {}),
          ...placed(placeOf(one)),
          environment,
          package: { individually: true, patterns: ["!**", `${BUILD_FOLDER}/${folder}/**`, configFile] },
        },
      ];
    }),
  );
}

function placed({ network, mount }: FunctionPlace): Record<string, unknown> {
  if (network === undefined) return {};
  return {
    vpc: { subnetIds: network.subnets, securityGroupIds: network.securityGroups },
    ...(mount === undefined ? {} : { fileSystemConfig: functionMount(mount) }),
  };
}

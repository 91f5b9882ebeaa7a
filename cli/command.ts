import type { ResumeMode } from "../lib/resume/resume.ts";
import type { Redaction } from "../lib/secrets/redaction.ts";
import type { Output } from "./output.ts";

/** What commands may be given; each declares in command-table.ts which it takes. */
export interface CommandOptions {
  readonly config: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly log: "text" | "json";
  readonly jobs: readonly string[];
  readonly snapshot: string | undefined;
  readonly unit: string | undefined;
  /** Of a command that takes several. */
  readonly units: readonly string[];
  readonly to: string | undefined;
  /** From `--to-NAME PLACE`: what the service of the job can restore to beside a folder. */
  readonly targets: readonly { readonly name: string; readonly place: string }[];
  readonly force: boolean;
  readonly identityFile: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly prove: boolean;
  readonly full: boolean;
  readonly dryRun: boolean;
  readonly wait: string | undefined;
  /** `--wait` of a command that takes no time for it. */
  readonly follow: boolean;
  readonly cost: boolean;
  readonly prices: string | undefined;
  readonly service: string | undefined;
  readonly stage: string | undefined;
  readonly region: string | undefined;
  readonly resume: ResumeMode;
  readonly manifest: boolean;
  /** For `run`: only what is due. */
  readonly due: boolean;
  /** For `init`: one of the examples. */
  readonly example: string | undefined;
  readonly list: boolean;
  /** For `validate`: as the configuration is deployed, with these file systems of Amazon EFS and this image. */
  readonly aws: boolean;
  readonly efs: string | undefined;
  readonly image: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** The file that `report` writes. */
  readonly html: string | undefined;
  /** A notifier's name, or true for all. */
  readonly test: string | boolean;
}

/** Everything that a command needs of its process. */
export interface CommandContext {
  readonly options: CommandOptions;
  /** What stands on the command line without a flag: the shell of `completion`. */
  readonly argument: string | undefined;
  readonly output: Output;
  /** How this program is started, for commands that it prints: `npx core-backup`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** Knows the secrets that were resolved; also used for errors that end the program. */
  readonly redaction: Redaction;
  readonly now: () => Date;
  /** Aborted with an `InterruptedError` by SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** From this call on SIGHUP does this instead. */
  readonly onHangup: (listener: () => void) => void;
}

export type Command = (context: CommandContext) => Promise<ExitCode>;

/** 0: all is well. 1: it was done, and something of a job is not well. 2: nothing could be done. Most of 2 is thrown. */
export type ExitCode = 0 | 1 | 2;

/** The flags `--to-NAME` of command-table.ts, and commander's names for them. */
const targetFlags = [
  { name: "volume", key: "toVolume" },
  { name: "uri-env", key: "toUriEnv" },
] as const;

/** From commander's record, whose shape follows from the flags in command-table.ts. */
export function commandOptions(record: Readonly<Record<string, unknown>>): CommandOptions {
  const text = (name: string) => (typeof record[name] === "string" ? record[name] : undefined);
  const flag = (name: string) => record[name] === true;
  const texts = (name: string) => (record[name] === undefined ? [] : [record[name]].flat().map(String));
  return {
    config: text("config"),
    json: flag("json"),
    quiet: flag("quiet"),
    verbose: flag("verbose"),
    log: record.log === "json" ? "json" : "text",
    jobs: texts("job"),
    snapshot: text("snapshot"),
    unit: text("unit"),
    units: texts("unit"),
    to: text("to"),
    targets: targetFlags.flatMap(({ name, key }) => {
      const place = text(key);
      return place === undefined ? [] : [{ name, place }];
    }),
    force: flag("force"),
    identityFile: text("identityFile"),
    passphraseFile: text("passphraseFile"),
    prove: flag("prove"),
    full: flag("full"),
    dryRun: flag("dryRun"),
    wait: text("wait"),
    follow: flag("wait"),
    cost: flag("cost"),
    prices: text("prices"),
    service: text("service"),
    stage: text("stage"),
    region: text("region"),
    resume: record.resume === true ? "always" : record.resume === false ? "never" : "within",
    manifest: flag("manifest"),
    due: flag("due"),
    example: text("example"),
    list: flag("list"),
    aws: flag("aws"),
    efs: text("efs"),
    image: text("image"),
    host: text("host"),
    port: text("port"),
    html: text("html"),
    test: text("test") ?? flag("test"),
  };
}

import { Argument, Command as Commander, CommanderError, Option } from "commander";
import { type Command, type CommandOptions, commandOptions } from "./command.ts";
import { type CommandSpec, commandTable, globalOptions, type OptionSpec } from "./command-table.ts";
import { loadCommand, loadHidden } from "./load-command.ts";
import { UsageError } from "./usage-error.ts";

/** A command line that was understood. */
export interface Invocation {
  readonly command: Command;
  readonly options: CommandOptions;
  readonly argument: string | undefined;
}

export interface ProgramOptions {
  readonly version: string;
  readonly program: string;
  /** Where help and version go. */
  readonly write: (text: string) => void;
  readonly heading: (text: string) => string;
}

/**
 * Reads `argv` (without node and script). Undefined when help or the version was asked for and has been written.
 * @throws UsageError for whatever commander does not accept, with its suggestion
 */
export async function parseCommandLine(
  argv: readonly string[],
  options: ProgramOptions,
): Promise<Invocation | undefined> {
  let invocation: Invocation | undefined;
  const root = rootCommand(options);
  for (const spec of commandTable) {
    const command = subcommand(root, spec, options);
    command.action(async () => {
      invocation = {
        command: await loadCommand[spec.name](),
        options: commandOptions(command.optsWithGlobals()),
        argument: command.args[0],
      };
    });
  }
  for (const [name, load] of Object.entries(loadHidden)) {
    const command = root.command(name, { hidden: true }).argument("<what>");
    command.action(async () => {
      invocation = {
        command: await load(),
        options: commandOptions(command.optsWithGlobals()),
        argument: command.args[0],
      };
    });
  }
  try {
    await root.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw error instanceof CommanderError ? usageError(error, argv, options.program) : error;
  }
  return invocation;
}

function rootCommand({ version, program, write, heading }: ProgramOptions): Commander {
  const root = new Commander("core-backup")
    .description("Backs up what one YAML file names, proves that it restores, and says so when it does not.")
    .usage("COMMAND [options]")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print this help, or that of a command")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
    .configureHelp({ showGlobalOptions: true, styleTitle: heading, subcommandTerm: termOf });
  for (const option of globalOptions) root.addOption(optionOf(option));
  root.addHelpText("after", () => {
    const codes = [
      "0  all is well",
      "1  something of a job failed",
      "2  the command line or the configuration is wrong",
      "129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM",
    ];
    return (
      section(
        heading("Examples:"),
        ["validate", "run", "list", "restore --job docs --to ./restored"].map((line) => `${program} ${line}`),
      ) + section(heading("Exit codes:"), codes)
    );
  });
  return root;
}

/** Without "[options]", which is true of all of them. */
function termOf(command: Commander): string {
  return [
    command.name(),
    ...command.registeredArguments.map(
      (argument) => `${argument.required ? "<" : "["}${argument.name()}${argument.required ? ">" : "]"}`,
    ),
  ].join(" ");
}

function subcommand(root: Commander, spec: CommandSpec, { program, heading }: ProgramOptions): Commander {
  const command = root.command(spec.name).summary(spec.summary).description(spec.details).helpGroup(spec.group);
  for (const option of spec.options) command.addOption(optionOf(option));
  if (spec.argument !== undefined) {
    const { name, about, choices } = spec.argument;
    command.addArgument(new Argument(`<${name}>`, about).choices(choices));
  }
  command.addHelpText("after", () => {
    const examples = spec.examples.map((line) => `${program} ${line}`);
    return section(heading("Examples:"), examples) + section(heading("Exit codes:"), spec.exits);
  });
  return command;
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about);
  if (spec.choices !== undefined) option.choices(spec.choices);
  if (spec.conflicts !== undefined) option.conflicts(spec.conflicts);
  if (spec.mandatory === true) option.makeOptionMandatory();
  if (spec.repeatable === true) {
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}

const section = (title: string, lines: readonly string[]): string =>
  `\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;

function usageError(error: CommanderError, argv: readonly string[], program: string): UsageError {
  const command = commandTable.find(({ name }) => argv.includes(name));
  const about = command === undefined ? "" : ` ${command.name}`;
  const message = error.code.startsWith("commander.help")
    ? "a command is missing"
    : error.message.replace(/^error: /, "");
  return new UsageError(
    `${message.replace(/\n\((D.*)\)$/, " ($1)").replace("(Did", "(did")}\nsee ${program}${about} --help`,
    { cause: error },
  );
}

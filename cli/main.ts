import { ConfigError, type ConfigFault, errorRecord, InterruptedError } from "../lib/errors.ts";
import { tuneGarbageCollection } from "../lib/garbage-collection.ts";
import { printable } from "../lib/printable.ts";
import { createRedaction } from "../lib/secrets/redaction.ts";
import { tool } from "../lib/tool.ts";
import type { CommandContext } from "./command.ts";
import { exitCodes, interruption } from "./interruption.ts";
import { coloured, createOutput, type Output, painter } from "./output.ts";
import { parseCommandLine } from "./program.ts";
import { programName } from "./program-name.ts";

tuneGarbageCollection();

const argv = process.argv.slice(2);
const { stdout, stderr, env } = process;
const redaction = createRedaction();
// Before the command line is understood: a wrong one is reported as a document too.
const output = createOutput({ stdout, stderr, env }, { json: argv.includes("--json") });

let resultLost = false;
// Whoever reads may stop reading (`| head`): no reason to stop a backup, nor for a message. A full disk is one.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") resultLost = true;
});
stderr.on("error", () => {});

const exitCode = await main();
await Promise.all([stdout, stderr].map((stream) => new Promise<void>((done) => stream.write("", () => done()))));
// Not left to run out: what was left behind after its deadline may still hold a socket open.
process.exit(exitCode === 0 && resultLost ? 2 : exitCode);

async function main(): Promise<number> {
  try {
    return await runCommandLine();
  } catch (error) {
    output.live?.clear();
    return await report(error, output);
  }
}

async function runCommandLine(): Promise<number> {
  const program = programName(env, process.cwd());
  const paint = painter(coloured(stdout, env));
  const invocation = await parseCommandLine(argv, {
    version: tool.version,
    program,
    write: (text) => stdout.write(text),
    heading: (text) => paint("bold", text),
  });
  if (invocation === undefined) return 0;
  const { command, options, argument } = invocation;
  const { signal, onHangup } = interruption({
    onFirst: (name) => output.note(`${name}: ending in order; once more ends at once`),
    endNow: (code) => {
      output.live?.clear();
      process.exit(code);
    },
  });
  const now = () => new Date();
  const context: CommandContext = { options, argument, output, program, env, redaction, now, signal, onHangup };
  return command(context);
}

/** The one place where an error becomes an exit code. */
async function report(error: unknown, { json, result, hasResult, note }: Output): Promise<number> {
  const faults = error instanceof ConfigError ? error.faults : [];
  const record = errorRecord(error, redaction.redact);
  if (json && !hasResult()) result({ text: "", json: { ok: false, errors: faults.length > 0 ? faults : [record] } });
  if (faults.length > 0) await noteFaults(faults);
  else if (record.code === "INTERNAL") noteInternal(error);
  else note(`core-backup: ${record.message.split("\n").map(printable).join("\n")}`);

  if (error instanceof InterruptedError) return exitCodes[error.signal];
  // Nothing was begun, whatever the code.
  if (error instanceof ConfigError) return 2;
  switch (record.code) {
    case "USAGE":
    case "REFUSED":
    case "DEPLOYMENT_NOT_FOUND":
    case "DEPLOYMENT_FORBIDDEN":
    case "INTERNAL":
      return 2;
    default:
      return 1;
  }

  async function noteFaults(all: readonly ConfigFault[]): Promise<void> {
    const { faultLine, faultWithSource } = await import("../lib/config/faults.ts");
    for (const fault of all) note(stderr.isTTY ? faultWithSource(fault, coloured(stderr, env)) : faultLine(fault));
  }

  function noteInternal(thrown: unknown): void {
    const lines =
      thrown instanceof Error && argv.some((word) => word === "--verbose" || word === "-v") ? thrown.stack : undefined;
    note(
      `core-backup: a fault in core-backup itself: ${lines === undefined ? printable(record.message) : redaction.redact(lines)}`,
    );
    note("please report it with what --verbose prints, as CONTRIBUTING.md says");
  }
}

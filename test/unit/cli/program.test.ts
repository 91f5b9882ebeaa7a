import assert from "node:assert/strict";
import { test } from "node:test";
import { commandTable } from "../../../cli/command-table.ts";
import { parseCommandLine } from "../../../cli/program.ts";
import { UsageError } from "../../../cli/usage-error.ts";

test("help names every command, in groups, with examples and exit codes", async () => {
  const { text } = await parsed(["--help"]);
  for (const { name, summary, group } of commandTable) {
    assert.match(text, new RegExp(`^  ${name}\\b.*${summary.slice(0, 20)}`, "m"));
    assert.ok(text.includes(`\n${group}\n`), group);
  }
  assert.match(text, /Examples:\n {2}prog validate\n/);
  assert.match(text, /Exit codes:\n {2}0 /);
});

test("each command's help shows its options, examples and exit codes", async () => {
  for (const { name, options, examples, exits } of commandTable) {
    const { text } = await parsed([name, "--help"]);
    for (const { flags } of options) assert.ok(text.includes(flags), `${name} ${flags}`);
    for (const line of examples) assert.ok(text.includes(`  prog ${line}\n`), `${name}: ${line}`);
    for (const line of exits) assert.ok(text.includes(`  ${line}\n`), `${name}: ${line}`);
    assert.ok(text.includes("--config <file>"), name);
  }
});

test("every example of the help is a command line that is accepted", async () => {
  for (const { examples } of commandTable) {
    for (const line of examples) {
      const argv = line.replace(/ >.*/, "").split(" ");
      assert.notEqual((await parsed(argv)).invocation, undefined, line);
    }
  }
});

test("general options are taken before and after the command", async () => {
  for (const argv of [
    ["-c", "x.yml", "--json", "list"],
    ["list", "--config", "x.yml", "--json"],
  ]) {
    const { invocation } = await parsed(argv);
    assert.equal(invocation?.options.config, "x.yml");
    assert.equal(invocation?.options.json, true);
    assert.equal(invocation?.options.log, "text");
  }
});

test("--job adds up where several are taken", async () => {
  assert.deepEqual((await parsed(["run", "--job", "a", "--job", "b"])).invocation?.options.jobs, ["a", "b"]);
  assert.deepEqual((await parsed(["run"])).invocation?.options.jobs, []);
  assert.deepEqual((await parsed(["show", "--job", "a"])).invocation?.options.jobs, ["a"]);
});

test("what is not understood is said, with what may be meant and where to read on", async () => {
  const cases: [string[], RegExp][] = [
    [["rnu"], /^unknown command 'rnu' \(did you mean run\?\)\nsee prog --help$/],
    [["restor", "--job", "a"], /did you mean restore\?/],
    [["run", "--jbo", "a"], /^unknown option '--jbo' \(did you mean --job\?\)\nsee prog run --help$/],
    [["run", "--jsno"], /did you mean --json\?/],
    [["prune", "--dryrun"], /did you mean --dry-run\?/],
    [["restore", "--to", "x"], /^required option '--job <name>' not specified\nsee prog restore --help$/],
    [["run", "--job"], /^option '--job <name>' argument missing/],
    [["run", "docs"], /^too many arguments for 'run'/],
    [["run", "--log", "xml"], /Allowed choices are text, json/],
    [["completion", "tcsh"], /Allowed choices are bash, zsh, fish/],
    [["completion"], /^missing required argument 'shell'/],
    [[], /^a command is missing\nsee prog --help$/],
  ];
  for (const [argv, message] of cases) {
    await assert.rejects(
      parsed(argv),
      (error) => error instanceof UsageError && message.test(error.message),
      argv.join(" "),
    );
  }
});

async function parsed(argv: readonly string[]) {
  let text = "";
  const invocation = await parseCommandLine(argv, {
    version: "1.2.3",
    program: "prog",
    write: (more) => {
      text += more;
    },
    heading: (title) => title,
  });
  return { invocation, text };
}

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commandTable } from "../../../cli/command-table.ts";
import { bashCompletion } from "../../../cli/completion/bash.ts";
import { fishCompletion } from "../../../cli/completion/fish.ts";
import { zshCompletion } from "../../../cli/completion/zsh.ts";

const scripts = { zsh: zshCompletion(), fish: fishCompletion() } as const;

/** What bash would offer for these words, the last one being completed. */
function offered(words: readonly string[], jobs: readonly string[] = []): string[] {
  const program = `core-backup() { [[ "$1 $2" == "__complete jobs" ]] && printf '%s\\n' "$CONFIGURED" && printf '%s\\n' "\${@:3}" >&2; }`;
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _core_backup; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `${program}\n${bashCompletion()}\n${ask}`;
  const text = execFileSync("bash", ["-c", script, "bash", ...words], {
    env: { ...process.env, CONFIGURED: jobs.join("\n") },
    encoding: "utf8",
  });
  return text.split("\n").filter((line) => line !== "");
}

test("bash offers the commands, then a command's own flags and the general ones", () => {
  assert.deepEqual(offered(["core-backup", "re"]), ["restore", "report"]);
  assert.deepEqual(
    offered(["core-backup", ""]).filter((word) => !word.startsWith("-")),
    commandTable.map(({ name }) => name),
  );
  assert.deepEqual(offered(["core-backup", "restore", "--"]), [
    "--job",
    "--snapshot",
    "--unit",
    "--to",
    "--to-volume",
    "--to-uri-env",
    "--force",
    "--identity-file",
    "--passphrase-file",
    "--config",
    "--json",
    "--quiet",
    "--verbose",
    "--log",
  ]);
  assert.deepEqual(offered(["core-backup", "--json", "prune", "--dr"]), ["--dry-run"]);
});

test("bash offers the values of a flag: jobs by asking the program, choices, and none where it cannot know", () => {
  assert.deepEqual(offered(["core-backup", "run", "--job", "d"], ["docs", "data", "git"]), ["docs", "data"]);
  assert.deepEqual(offered(["core-backup", "run", "--log", ""]), ["text", "json"]);
  assert.deepEqual(
    offered(["core-backup", "completion", ""]).filter((word) => !word.startsWith("-")),
    ["bash", "zsh", "fish"],
  );
  assert.deepEqual(offered(["core-backup", "restore", "--unit", ""]), []);
});

test("the scripts for zsh and fish name every command and flag, and ask for jobs", () => {
  for (const shell of ["zsh", "fish"] as const) {
    const script = scripts[shell];
    for (const { name, options } of commandTable) {
      assert.ok(script.includes(name), `${shell} ${name}`);
      for (const { flags } of options) {
        const long = /--([a-z-]+)/.exec(flags)?.[1] ?? "";
        assert.ok(script.includes(shell === "fish" ? `-l ${long}` : `--${long}`), `${shell} ${long}`);
      }
    }
    assert.match(script, /__complete jobs/);
  }
});

for (const shell of ["zsh", "fish"] as const) {
  const missing = spawnSync(shell, ["--version"]).error !== undefined;
  test(`${shell} accepts its script`, { skip: missing && `${shell} is not on this machine` }, () => {
    // From a file: fish refuses to read a script from the socket that Node gives it as its input.
    const folder = mkdtempSync(join(tmpdir(), "core-backup-completion-"));
    try {
      writeFileSync(join(folder, "script"), scripts[shell]);
      const { status, stderr } = spawnSync(shell, ["-n", join(folder, "script")], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const CHECKOUT = path.join(import.meta.dirname, "../..");
const olderNode = findOlderNode();
const nodes: readonly [name: string, program: string | undefined][] = [
  ["this Node", process.execPath],
  ["a Node older than 24", olderNode],
];

const PROGRAM = `
const [what, ...rest] = process.argv.slice(2);
if (what === "echo") console.log(JSON.stringify({ rest, major: Number.parseInt(process.versions.node), path: process.env.PATH }));
if (what === "exit") process.exitCode = Number(rest[0]);
if (what === "die") process.kill(process.pid, rest[0]);
if (what === "wait") {
  process.on("SIGTERM", () => { console.log("told to stop"); process.exit(143); });
  setInterval(() => {}, 1000);
  console.log(String(process.pid));
}
`;

let folder: string;
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "core-backup-launch-"));
  writeFileSync(path.join(folder, "program.mjs"), PROGRAM);
  const launcher = path.join(CHECKOUT, "bin/launch.js");
  writeFileSync(
    path.join(folder, "launcher.mjs"),
    `import { launch } from ${JSON.stringify(launcher)};\nawait launch(${JSON.stringify(path.join(folder, "program.mjs"))}, process.argv.slice(2));\n`,
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [name, program] of nodes) {
  describe(`the launcher in ${name}`, { skip: program === undefined ? "no such Node on this machine" : false }, () => {
    const start = (...args: string[]) => spawn(program ?? "", [path.join(folder, "launcher.mjs"), ...args]);

    test("hands arguments on as they are, to a Node of at least 24", async () => {
      const { stdout } = await ended(start("echo", "a b", "", "--flag", "ü"));
      const { rest, major } = JSON.parse(stdout);
      assert.deepEqual(rest, ["a b", "", "--flag", "ü"]);
      assert.ok(major >= 24, String(major));
    });

    test("ends with the program's exit code", async () => {
      assert.equal((await ended(start("exit", "0"))).code, 0);
      assert.equal((await ended(start("exit", "130"))).code, 130);
    });

    test("dies of the signal that the program died of", async () => {
      assert.equal((await ended(start("die", "SIGKILL"))).signal, "SIGKILL");
      assert.equal((await ended(start("die", "SIGTERM"))).signal, "SIGTERM");
    });

    test("passes SIGTERM on and waits for an orderly end", async () => {
      const child = start("wait");
      await once(child.stdout, "data");
      const end = ended(child);
      child.kill("SIGTERM");
      const { code, stdout } = await end;
      assert.equal(code, 143);
      assert.match(stdout, /told to stop/);
    });

    test("does not leave the program behind when it is killed", async () => {
      const child = start("wait");
      const [line] = await once(child.stdout, "data");
      child.kill("SIGKILL");
      await once(child, "exit");
      while (isRunning(Number(String(line)))) await sleep(20);
    });
  });
}

test("the launcher says in one line that it needs a newer Node when none is installed", {
  skip: olderNode === undefined ? "no older Node here" : false,
}, async () => {
  const alone = mkdtempSync(path.join(tmpdir(), "core-backup-launch-"));
  try {
    cpSync(path.join(CHECKOUT, "bin"), path.join(alone, "bin"), { recursive: true });
    writeFileSync(path.join(alone, "package.json"), '{ "type": "module" }\n');
    const { code, stderr } = await ended(spawn(olderNode ?? "", [path.join(alone, "bin/core-backup.js"), "--version"]));
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^core-backup needs Node 24 or newer: this is Node [\d.]+, and no newer one was installed with it\n$/,
    );
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

async function ended(child: ChildProcess) {
  const pieces: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name]?.on("data", (piece) => (pieces[name] += piece));
  const [code, signal] = await once(child, "close");
  return { ...pieces, code, signal };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** Where nothing collects orphans (a container without init) an ended process keeps its number. */
function isZombie(pid: number): boolean {
  return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("Z");
}

/** `node` of npm's scripts is Node 24; the machine's own is further down the path. */
function findOlderNode(): string | undefined {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((entry) => path.join(entry, "node"))
    .filter((program) => existsSync(program))
    .find(
      (program) =>
        Number.parseInt(execFileSync(program, ["-p", "process.versions.node"], { encoding: "utf8" }), 10) < 24,
    );
}

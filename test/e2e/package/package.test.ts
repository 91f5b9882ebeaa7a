import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";

/** The package as `npm publish` would send it, installed into an empty folder with the machine's own Node and npm. */

const CHECKOUT = path.join(import.meta.dirname, "../../..");
const SOURCES = [
  ...["bin", "cli", "config", "docs", "infra", "lib", "scripts", "LICENSE", "README.md"],
  ...["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"],
];
const env = ownEnvironment();
const noRegistry = process.env.CI === undefined && !reachesRegistry() ? "the npm registry cannot be reached" : false;

const CONFIGURATION = `
jobs:
  - name: notes
    service: filesystem
    target_storage: here
    options:
      paths: [./notes]
storage:
  here: { type: filesystem, base_path: ./backups }
`;

describe("the published package", { skip: noRegistry }, () => {
  let folder: string;
  let tarball: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "core-backup-package-"));
    const copy = path.join(folder, "checkout");
    for (const name of SOURCES.filter((source) => existsSync(path.join(CHECKOUT, source)))) {
      cpSync(path.join(CHECKOUT, name), path.join(copy, name), { recursive: true });
    }
    symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(copy, "node_modules"));
    npm(copy, "pack", "--pack-destination", folder);
    tarball = path.join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
    mkdirSync(path.join(folder, "empty", "notes"), { recursive: true });
    npm(path.join(folder, "empty"), "install", "--no-audit", "--no-fund", tarball);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("holds what runs and what explains, and neither sources nor tests", () => {
    const names = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
    for (const name of [
      "bin/core-backup.js",
      "dist/cli/main.js",
      "config/core-backup.schema.json",
      "config/manifest.schema.json",
      "LICENSE",
    ]) {
      assert.ok(names.includes(`package/${name}`), name);
    }
    assert.deepEqual(
      names.filter((name) => /[.]ts$|^package\/(test|lib|cli|scripts|dist\/(test|package[.]json))/.test(name)),
      [],
    );
  });

  test("says its version", () => {
    const { version } = JSON.parse(readFileSync(path.join(CHECKOUT, "package.json"), "utf8"));
    assert.equal(npm(path.join(folder, "empty"), "exec", "--", "core-backup", "--version").trim(), version);
  });

  test("backs up a folder and restores it", () => {
    const home = path.join(folder, "empty");
    writeFileSync(path.join(home, "notes", "one.txt"), "first line\n");
    writeFileSync(path.join(home, "core-backup.yml"), CONFIGURATION);
    coreBackup(home, "run");
    coreBackup(home, "restore", "--job", "notes", "--to", "restored");
    const restored = readdirSync(path.join(home, "restored"), { recursive: true, encoding: "utf8" });
    const file = restored.find((name) => path.basename(name) === "one.txt");
    assert.ok(file !== undefined, `not among ${restored.join(", ")}`);
    assert.equal(readFileSync(path.join(home, "restored", file), "utf8"), "first line\n");
  });
});

function npm(cwd: string, ...args: string[]): string {
  return execFileSync("npm", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function coreBackup(cwd: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(path.join(cwd, "node_modules/.bin/core-backup"), args, {
    cwd,
    env,
    encoding: "utf8",
  });
  assert.equal(status, 0, `core-backup ${args.join(" ")}:\n${stdout}${stderr}`);
}

function reachesRegistry(): boolean {
  const view = spawnSync("npm", ["view", "zod", "version", "--fetch-retries=0", "--fetch-timeout=20000"], { env });
  return view.status === 0;
}

/** Without what npm and the launcher of these tests put there: the machine's own Node comes first again. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const ours = new Set(["NODE_TEST_CONTEXT", "NODE_COMPILE_CACHE"]);
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && !ours.has(name));
  const entries = (process.env.PATH ?? "").split(path.delimiter).filter((entry) => !entry.includes("node_modules"));
  return { ...Object.fromEntries(kept), PATH: entries.join(path.delimiter) };
}

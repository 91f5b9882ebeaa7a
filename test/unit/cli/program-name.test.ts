import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { programName } from "../../../cli/program-name.ts";
import { shellWord } from "../../../lib/shell-word.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../..");

test("started by npm, the command to type is npm's", () => {
  assert.equal(programName({ npm_command: "exec", PATH: "" }, "/"), "npx core-backup");
  assert.equal(programName({ npm_command: "start", PATH: "" }, CHECKOUT), "npx core-backup");
});

test("where core-backup can be found, its name is enough", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-path-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "core-backup"), "#!/bin/sh\n");
  assert.notEqual(programName({ PATH: `/nowhere:${folder}` }, "/"), "core-backup");
  await chmod(join(folder, "core-backup"), 0o700);
  assert.equal(programName({ PATH: `/nowhere:${folder}` }, "/"), "core-backup");
});

test("inside a checkout npx finds it, and elsewhere its whole path does", () => {
  assert.equal(programName({ PATH: "" }, CHECKOUT), "npx core-backup");
  assert.equal(programName({ PATH: "" }, join(CHECKOUT, "docs")), "npx core-backup");
  assert.equal(programName({ PATH: "" }, tmpdir()), shellWord(join(CHECKOUT, "bin/core-backup.js")));
});

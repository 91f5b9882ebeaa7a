import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { ageMissing } from "../../support/age-program.ts";
import { gpgMissing } from "../../support/gpg-program.ts";
import { paths, temporaryFolder } from "../core-backup.ts";

const MAIN = join(import.meta.dirname, "../../../cli/main.ts");
const PAGE = new URL("../../../docs/encryption.md", import.meta.url);

test("every command of docs/encryption.md works, one after the other, with the configurations it shows", {
  skip: ageMissing() || gpgMissing(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "docs"));
  await writeFile(join(folder, "docs", "letter.txt"), "Dear reader\n");
  const gnupg = join(folder, "gnupg");
  await mkdir(gnupg, { mode: 0o700 });
  t.after(() => spawnSync("gpgconf", ["--kill", "all"], { env: { ...process.env, GNUPGHOME: gnupg } }));
  const shim = `core-backup() { '${process.execPath}' '${MAIN}' "$@"; }\n`;
  const blocks = [...(await readFile(PAGE, "utf8")).matchAll(/^```(sh|yaml)\n(.*?)^```$/gms)];
  assert.ok(blocks.filter(([, kind]) => kind === "sh").length >= 5);
  for (const [, kind, text = ""] of blocks) {
    if (kind === "yaml") await writeFile(join(folder, "core-backup.yml"), text);
    else
      execFileSync("bash", ["-euo", "pipefail", "-c", shim + text], {
        cwd: folder,
        env: { ...process.env, GNUPGHOME: gnupg },
        stdio: "pipe",
      });
  }
  for (const restored of ["restored", "restored-after", "restored-letters", "letters", "restored-papers", "by-name"]) {
    const [letter = ""] = (await paths(join(folder, restored))).filter((path) => path.endsWith("letter.txt"));
    assert.equal(await readFile(join(folder, restored, letter), "utf8"), "Dear reader\n");
  }
});

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Compares with `test/golden/<name>`; with UPDATE_GOLDEN=1 it is written instead, and the diff is for a person to read. */
export async function golden(name: string, content: string): Promise<void> {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  if (process.env.UPDATE_GOLDEN === "1") {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return;
  }
  assert.equal(content, await readFile(path, "utf8"));
}

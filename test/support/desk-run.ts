import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Manifest, manifestSchema } from "../../lib/manifest.ts";
import { coreBackup } from "../e2e/core-backup.ts";
import { temporaryFolder } from "./stores.ts";

/** What a run of a job stores at a desk, by a configuration given as text. */
export async function manifestAtADesk(
  job: string,
  config: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Manifest> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "desk.yml");
  await writeFile(file, config);
  const { code, stdout, stderr } = await coreBackup(["run", "--job", job, "--json", "--config", file], { env });
  assert.equal(code, 0, stderr);
  return manifestSchema.parse(JSON.parse(stdout).runs[0]);
}

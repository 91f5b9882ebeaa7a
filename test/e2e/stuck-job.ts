import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { paths, temporaryFolder } from "./core-backup.ts";
import { type FilesJob, filesJob } from "./files-job.ts";

export interface StuckJob {
  readonly job: FilesJob;
  /** For the run that is to be stuck; other runs are not. */
  readonly env: NodeJS.ProcessEnv;
  /** Waits until a tar has begun. */
  begun(): Promise<void>;
  /** Lets every tar end, successfully. */
  goOn(): Promise<void>;
}

/**
 * The real tar, which then ends only when it is told to, or after 20 s: so the run is in the middle of a unit for as long
 * as the test wants. `first` is what the program does at first, in shell; `more` is YAML at the job's indentation.
 */
export async function stuckJob(t: TestContext, { first = ":", more = "" } = {}): Promise<StuckJob> {
  const folder = await temporaryFolder(t);
  const job = await filesJob(folder, more);
  const programs = join(folder, "programs");
  await mkdir(programs);
  const script = `#!/bin/sh
PATH="\${PATH#*:}"
[ "$1" = --version ] && exec tar "$@"
${first}
: >"${folder}/tar-has-begun"
tar "$@"
code=$?
waited=0
while [ ! -e "${folder}/go" ] && [ $waited -lt 400 ]; do sleep 0.05; waited=$((waited + 1)); done
exit $code
`;
  await writeFile(join(programs, "tar"), script);
  await chmod(join(programs, "tar"), 0o755);
  return {
    job,
    env: { PATH: `${programs}:${process.env.PATH}` },
    async begun() {
      while (!(await paths(folder)).includes("tar-has-begun")) await delay(20);
    },
    goOn: () => writeFile(join(folder, "go"), ""),
  };
}

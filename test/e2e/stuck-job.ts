import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
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
  /** How many tars have begun in runs with this `env`. */
  count(): Promise<number>;
  /** Lets every tar end, successfully. */
  goOn(): Promise<void>;
}

/**
 * The real tar that packs, which then ends only when it is told to, or after two minutes: so the run is in the middle of a unit for as long
 * as the test wants. `first` is what the program does at first, in shell; the tars before the `at`-th end by themselves.
 */
export async function stuckJob(t: TestContext, { first = ":", at = 1 } = {}): Promise<StuckJob> {
  const folder = await temporaryFolder(t);
  const job = await filesJob(folder);
  const programs = join(folder, "programs");
  await mkdir(programs);
  const script = `#!/bin/sh
PATH="\${PATH#*:}"
case " $* " in *" --create "*) ;; *) exec tar "$@" ;; esac
${first}
echo begun >>"${folder}/tars"
count=$(wc -l <"${folder}/tars")
[ "$count" -lt ${at} ] || : >"${folder}/tar-has-begun"
tar "$@"
code=$?
[ "$count" -ge ${at} ] || exit $code
waited=0
while [ -d "${folder}" ] && [ ! -e "${folder}/go" ] && [ $waited -lt 2400 ]; do sleep 0.05; waited=$((waited + 1)); done
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
    count: async () => (await readFile(join(folder, "tars"), "utf8")).trimEnd().split("\n").length,
    goOn: () => writeFile(join(folder, "go"), ""),
  };
}

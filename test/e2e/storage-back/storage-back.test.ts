import assert from "node:assert/strict";
import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startRecordingServer } from "../../support/recording-server.ts";
import { coreBackup, start, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

/** What is waited for may never come. */
const LIMIT = { timeout: 120_000 };

/** A job whose storage goes away in the middle of a run, each time that it is told to. */
async function failingStorage(t: TestContext) {
  const folder = await temporaryFolder(t);
  const [trap, away] = [join(folder, "trap"), join(folder, "away")];
  const goAway = `[ ! -e ${trap} ] || { mv ${join(folder, "backups")} ${away} && : >${join(folder, "backups")}; }`;
  const job = await filesJob(folder, `    schedule: "@yearly"\n    hooks: { before: '${goAway}' }`);
  await appendFile(job.config, "notifications:\n  hook: { type: webhook, url_env: HOOK }\n");
  return {
    config: job.config,
    state: join(folder, "state"),
    goesAway: () => writeFile(trap, ""),
    /** As it was before: a run that left its lease there has served its time. */
    async comesBack() {
      await rm(trap);
      await rm(job.backups);
      await rename(away, job.backups);
      await rm(join(job.backups, "docs", ".lease"));
    },
  };
}

for (const command of ["run", "serve"] as const) {
  test(
    `${command}: a failure that was told while the storage was down is told as over by the next good run`,
    LIMIT,
    async (t) => {
      await using hook = await startRecordingServer(() => ({ status: 200 }));
      const storage = await failingStorage(t);
      const env = { HOOK: hook.url, STATE_DIRECTORY: storage.state };
      const told = () =>
        hook.calls.flatMap(({ body }) => JSON.parse(body).jobs.map(({ events }: { events: string[] }) => events));
      const once = async (end: string) => {
        if (command === "run") return (await coreBackup(["run", "--config", storage.config], { env })).stderr;
        const served = start(["serve", "--port", "0", "--config", storage.config], { env });
        t.after(() => served.process.kill("SIGKILL"));
        await served.heard(`docs: ended: ${end}`);
        served.process.kill("SIGTERM");
        return (await served.ended).stderr;
      };
      await storage.goesAway();
      assert.match(await once("failed"), /STORAGE/);
      assert.deepEqual(told(), [["failure"]]);
      await storage.comesBack();
      await once("ok");
      assert.deepEqual(told(), [["failure"], ["recovered"]]);
    },
  );
}

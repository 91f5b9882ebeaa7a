import { loadConfig } from "../../lib/config/load.ts";
import { formatCount } from "../../lib/format.ts";
import { open } from "../../lib/open.ts";
import type { RunEvent } from "../../lib/progress.ts";
import { serve } from "../../lib/serve.ts";
import type { Command } from "../command.ts";
import { startEndpoints } from "../endpoints.ts";
import { commandLog } from "../log-options.ts";
import { portNumber } from "../port-option.ts";
import { eventLines } from "../run-progress.ts";
import { configFile } from "../session.ts";

export const serveCommand: Command = async (context) => {
  const { options, env, redaction, now, signal, output } = context;
  const port = portNumber(options.port);
  const host = options.host ?? "127.0.0.1";
  const log = commandLog(context, "info");
  const tell = eventLines(options.log === "json");
  const emit = (event: RunEvent) => tell(event, log);
  const file = configFile(context);
  const load = async () =>
    open(await loadConfig(file, { env }), { env, log, emit, redaction, now, waits: "here", signal });
  const backup = await load();
  const endpoints = await startEndpoints({ host, port, now, signal, log });
  try {
    const service = serve(backup, { reload: load });
    endpoints.show(service);
    context.onHangup(() => {
      log.info("SIGHUP: reading the configuration again");
      void service.reload();
    });
    log.info(`serving ${formatCount(backup.config.jobs.length, "job")} of ${file}; see ${endpoints.url}`);
    for (const { name } of backup.config.jobs.filter(({ schedule }) => schedule === undefined))
      log.with({ job: name }).info("has no schedule, so it runs only when it is told to");
    await service.ended;
    log.info(`ended in order, after ${formatCount(service.runs(), "run")}`);
    output.result({ text: "", json: { status: "ended", runs: service.runs() } });
  } finally {
    await endpoints.close();
  }
  return 0;
};

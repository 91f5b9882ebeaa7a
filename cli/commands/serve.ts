import { loadConfig } from "../../lib/config/load.ts";
import { formatCount } from "../../lib/format.ts";
import { enterNetwork } from "../../lib/network/enter-network.ts";
import { open } from "../../lib/open.ts";
import type { RunEvent } from "../../lib/progress.ts";
import { serve } from "../../lib/scheduling/serve.ts";
import type { Command } from "../command.ts";
import { startEndpoints } from "../endpoints.ts";
import { commandLog } from "../log-options.ts";
import { portNumber } from "../port-option.ts";
import { eventLines } from "../run-progress.ts";
import { configFile } from "../session.ts";
import { stateFolder } from "../state-folder.ts";

export const serveCommand: Command = async (context) => {
  const { options, env, redaction, now, signal, output } = context;
  const port = portNumber(options.port);
  const host = options.host ?? "127.0.0.1";
  const log = commandLog(context, "info");
  const tell = eventLines(options.log === "json");
  const emit = (event: RunEvent) => tell(event, log);
  const file = configFile(context);
  // From the first moment on: a reload that comes while it starts must not end it.
  const early = { hungUp: false };
  let reload = () => {
    early.hungUp = true;
  };
  context.onHangup(() => reload());
  const load = () => loadConfig(file, { env });
  const config = await load();
  const endpoints = await startEndpoints({ host, port, now, signal, log });
  try {
    const service = serve({
      config,
      reload: load,
      enter: (loaded, stopped) => enterNetwork(loaded, { env, redaction, signal: stopped }),
      open: async (loaded, stopped) =>
        open(loaded, {
          ...{ env, log, emit, redaction, now, waits: "here", signal: stopped },
          stateFolder: stateFolder(env),
        }),
      log,
      redaction,
      now,
      signal,
    });
    endpoints.show(service);
    reload = () => {
      log.info("SIGHUP: reading the configuration again");
      void service.reload();
    };
    log.info(`serving ${formatCount(config.jobs.length, "job")} of ${file}; see ${endpoints.url}`);
    for (const { name } of config.jobs.filter(({ schedule }) => schedule === undefined))
      log.with({ job: name }).info("has no schedule, so it runs only when it is told to");
    if (early.hungUp) reload();
    await service.ended;
    log.info(`ended in order, after ${formatCount(service.runs(), "run")}`);
    output.result({ text: "", json: { status: "ended", runs: service.runs() } });
  } finally {
    await endpoints.close();
  }
  return 0;
};

import type { Command } from "./command.ts";
import type { CommandName } from "./command-table.ts";

/** Commands are loaded when they are called, so that `--help` and `--version` load none. */
export const loadCommand: Readonly<Record<CommandName, () => Promise<Command>>> = {
  init: async () => (await import("./commands/init.ts")).initCommand,
  validate: async () => (await import("./commands/validate.ts")).validateCommand,
  plan: async () => (await import("./commands/plan.ts")).planCommand,
  run: async () => (await import("./commands/run.ts")).runCommand,
  list: async () => (await import("./commands/list.ts")).listCommand,
  show: async () => (await import("./commands/show.ts")).showCommand,
  verify: async () => (await import("./commands/verify.ts")).verifyCommand,
  restore: async () => (await import("./commands/restore.ts")).restoreCommand,
  prune: async () => (await import("./commands/prune.ts")).pruneCommand,
  watch: async () => (await import("./commands/watch.ts")).watchCommand,
  serve: async () => (await import("./commands/serve.ts")).serveCommand,
  report: async () => (await import("./commands/report.ts")).reportCommand,
  notify: async () => (await import("./commands/notify.ts")).notifyCommand,
  start: async () => (await import("./commands/start.ts")).startCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  stop: async () => (await import("./commands/stop.ts")).stopCommand,
  schema: async () => (await import("./commands/schema.ts")).schemaCommand,
  completion: async () => (await import("./commands/completion.ts")).completionCommand,
};

/** Not for people: the completion scripts call them. */
export const loadHidden: Readonly<Record<string, () => Promise<Command>>> = {
  __complete: async () => (await import("./commands/complete.ts")).completeCommand,
};

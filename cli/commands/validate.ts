import { formatCount } from "../../lib/format.ts";
import type { Command } from "../command.ts";
import { loadedConfig } from "../session.ts";

/** Faults are thrown as they are by every command; `main.ts` prints them. */
export const validateCommand: Command = async (context) => {
  const config = await loadedConfig(context, { sources: true });
  const storages = formatCount(Object.keys(config.storage).length, "storage");
  const text = `${config.file}: valid, ${formatCount(config.jobs.length, "job")}, ${storages}\n`;
  context.output.result({ text, json: { ok: true, errors: [] } });
  return 0;
};

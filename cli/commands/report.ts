import { resolve } from "node:path";
import { overview } from "../../lib/overview/overview.ts";
import { page } from "../../lib/page/page.ts";
import { replaceFile } from "../../lib/replace-file.ts";
import { wasRead } from "../../lib/watch/watch-news.ts";
import type { Command } from "../command.ts";
import { overviewText } from "../overview-text.ts";
import { chosenJobs, withBackup } from "../session.ts";
import { UsageError } from "../usage-error.ts";

export const reportCommand: Command = async (context) =>
  withBackup(context, { sources: false }, async (backup) => {
    const { options, output } = context;
    const found = await overview(backup, chosenJobs(backup.config, options.jobs));
    context.signal.throwIfAborted();
    if (options.html !== undefined) await writePage(options.html, page(found));
    const written = options.html === undefined ? "" : `\nthe page lies in ${resolve(options.html)}\n`;
    output.result({ text: overviewText(found, output) + written, json: found });
    return found.jobs.every(wasRead) ? 0 : 1;
  });

async function writePage(file: string, text: string): Promise<void> {
  try {
    await replaceFile(file, text);
  } catch (error) {
    throw new UsageError(`--html ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

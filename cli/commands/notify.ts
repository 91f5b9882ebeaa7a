import { tellTest } from "../../lib/notify/tell.ts";
import type { Command } from "../command.ts";
import { knownNames } from "../known.ts";
import { withBackup } from "../session.ts";
import { table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

export const notifyCommand: Command = async (context) =>
  withBackup(context, { sources: false, notifiers: true }, async (backup) => {
    const { options, output } = context;
    const known = Object.keys(backup.config.notifications);
    const name = typeof options.test === "string" ? options.test : undefined;
    if (name !== undefined && !known.includes(name)) {
      throw new UsageError(`${backup.config.file} has no notifier ${name}${knownNames(name, known)}`);
    }
    if (known.length === 0) throw new UsageError(`${backup.config.file} has no notifications`);
    const tested = await tellTest(backup, name === undefined ? known : [name]);
    const rows = tested.map(({ notifier, type, ok, sent, error }) => {
      const good = sent ? "sent" : "reached; it takes pings only, and none was sent";
      const result = ok ? good : `${error?.code}: ${error?.message}`;
      return [notifier, type, { text: result, paint: (text: string) => output.paint(ok ? "green" : "red", text) }];
    });
    output.result({ text: table([{ title: "notifier" }, { title: "type" }, { title: "result" }], rows), json: tested });
    context.signal.throwIfAborted();
    return tested.every(({ ok }) => ok) ? 0 : 1;
  });

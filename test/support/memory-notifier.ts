import { type NotifierOptions, notifierKinds } from "../../lib/config/notifier-options.ts";
import { NotifierError } from "../../lib/errors.ts";
import type { Begun, Notifier } from "../../lib/notifiers/notifier.ts";
import type { Report } from "../../lib/notify/report.ts";

export interface MemoryNotifier {
  readonly notifier: Notifier;
  readonly reports: Report[];
  readonly begun: Begun[];
  /** Thrown, or never answered, by the next calls, each in its turn. */
  readonly sendFails: (Error | "hang")[];
  readonly checkFails: (Error | "hang")[];
  /** What it says that somebody heard of, when it fails. */
  readonly heardOf: string[];
}

/** A notifier that keeps what it is told. */
export function memoryNotifier({ takesOver = true } = {}): MemoryNotifier {
  const reports: Report[] = [];
  const begun: Begun[] = [];
  const sendFails: (Error | "hang")[] = [];
  const checkFails: (Error | "hang")[] = [];
  const heardOf: string[] = [];
  const fail = async (failures: (Error | "hang")[]) => {
    const failure = failures.shift();
    if (failure === "hang") await new Promise(() => {});
    if (failure instanceof Error) throw failure;
  };
  const notifier: Notifier = {
    takesOver,
    check: () => fail(checkFails),
    async begin(one) {
      begun.push(one);
    },
    async send(report) {
      await fail(sendFails);
      reports.push(report);
    },
    heardOf: () => heardOf,
  };
  return { notifier, reports, begun, sendFails, checkFails, heardOf };
}

/** Options as the configuration gives them, for a notifier that is in memory. */
export const told = (options: Readonly<Record<string, unknown>> = {}): NotifierOptions =>
  notifierKinds.slack.parse({ type: "slack", webhook_env: "HOOK", ...options });

export const gone = (): NotifierError => new NotifierError("NOTIFIER_REFUSED", "nobody is there");

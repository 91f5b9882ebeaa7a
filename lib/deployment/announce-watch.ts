import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { Backup } from "../backup.ts";
import { errorRecord } from "../errors.ts";
import { networkAgents } from "../network/agents.ts";
import { networkRefusal } from "../network/refusal.ts";
import type { WatchedJob } from "../watch/watch-job.ts";

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
const ENTRIES_AT_ONCE = 10;
const MAX_PROBLEMS = 20;

/**
 * An event for each job, "Backup Watched", for anyone's rules: `{"detail": {"ok": [false]}}` picks those that are not well.
 * A bus that does not take it is a line in the log: the metric and the notifiers have told by then.
 */
export async function announceWatch(
  bus: string | undefined,
  jobs: readonly WatchedJob[],
  { log, redaction, signal }: Pick<Backup, "log" | "redaction" | "signal">,
): Promise<void> {
  if (bus === undefined || bus === "") return;
  const client = new EventBridgeClient({ requestHandler: networkAgents() });
  try {
    for (let begin = 0; begin < jobs.length; begin += ENTRIES_AT_ONCE) {
      const Entries = jobs.slice(begin, begin + ENTRIES_AT_ONCE).map((watched) => ({
        EventBusName: bus,
        Source: "core-backup",
        DetailType: "Backup Watched",
        Detail: JSON.stringify({ ...watched, problems: watched.problems.slice(0, MAX_PROBLEMS) }),
      }));
      const { FailedEntryCount = 0 } = await client.send(new PutEventsCommand({ Entries }), { abortSignal: signal });
      if (FailedEntryCount > 0) throw new Error(`the bus refused ${FailedEntryCount} of ${Entries.length} events`);
    }
  } catch (error) {
    log.warn(
      `what the watch found could not be announced: ${errorRecord(networkRefusal(error) ?? error, redaction.redact).message}`,
    );
  } finally {
    client.destroy();
  }
}

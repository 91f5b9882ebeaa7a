import { DescribeExecutionCommand, type ExecutionStatus, SFNClient } from "@aws-sdk/client-sfn";
import type { Backup } from "../backup.ts";
import { errorRecord } from "../errors.ts";
import type { ExecutionState } from "../lease/acquire-lease.ts";
import { networkAgents } from "../network/agents.ts";
import { networkRefusal } from "../network/refusal.ts";

/** Functions in a network of yours may reach no endpoint of Step Functions: then the clock has to do. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;
const ATTEMPTS = 2;

const ENDED: ReadonlySet<ExecutionStatus | undefined> = new Set(["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]);

/** Whether an execution goes on, as Step Functions says. Throws nothing: who is not answered does not know. */
export async function executionState(
  { log, redaction, signal }: Pick<Backup, "log" | "redaction" | "signal">,
  executionArn: string,
): Promise<ExecutionState> {
  const client = new SFNClient({
    maxAttempts: ATTEMPTS,
    requestHandler: { ...networkAgents(), connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS },
  });
  try {
    const { status } = await client.send(new DescribeExecutionCommand({ executionArn }), { abortSignal: signal });
    return ENDED.has(status) ? "ended" : "running";
  } catch (error) {
    signal.throwIfAborted();
    const { message } = errorRecord(networkRefusal(error) ?? error, redaction.redact);
    log.warn(`whether execution ${executionArn} goes on cannot be asked, and the clock decides: ${message}`);
    return "unknown";
  } finally {
    client.destroy();
  }
}

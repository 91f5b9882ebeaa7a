import { randomBytes } from "node:crypto";
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  paginateGetExecutionHistory,
  paginateListStateMachines,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import * as z from "zod";
import { nearest } from "../config/suggestion.ts";
import { CodedError } from "../errors.ts";
import { snapshotId } from "../keys.ts";
import { networkAgents } from "../network/agents.ts";
import { type BegunExecution, begunExecution } from "./begun-execution.ts";
import { deploymentFault } from "./deployment-fault.ts";
import { type Execution, executionOf } from "./execution.ts";
import { machineName } from "./names.ts";
import { type Stack, stackName } from "./stack.ts";

/** A job as it is deployed. */
export interface Machine {
  readonly arn: string;
  /** Where its snapshots lie. */
  readonly bucket: string;
}

/** The state machines of a stack. Each call throws a CodedError `DEPLOYMENT_…` for what AWS answers. */
export interface Deployment {
  /** @throws CodedError `DEPLOYMENT_NOT_FOUND` naming what there is instead */
  machine(job: string): Promise<Machine>;
  start(machine: Machine, input: { readonly units: readonly string[]; readonly now: Date }): Promise<Execution>;
  /** The newest ones first. */
  executions(machine: Machine, choice: { readonly running: boolean; readonly limit: number }): Promise<Execution[]>;
  describe(arn: string): Promise<Execution>;
  /** Undefined while the units are still being listed. */
  begun(arn: string): Promise<BegunExecution | undefined>;
  stop(arn: string, cause: string): Promise<void>;
  close(): void;
}

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
/** As many as a page may have. */
const EVENTS_AT_ONCE = 1_000;

const definitionSchema = z.object({
  States: z.object({ Collect: z.object({ ItemReader: z.object({ Arguments: z.object({ Bucket: z.string() }) }) }) }),
});

/** Who asks is found by the SDK's usual chain: variables, profile, the role of a machine. */
export function openDeployment(stack: Stack, signal: AbortSignal): Deployment {
  const client = new SFNClient({
    region: stack.region,
    requestHandler: { ...networkAgents(), connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS },
  });
  const options = { abortSignal: signal };

  async function asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw deploymentFault(error, stack);
    }
  }

  async function machineNames(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for await (const { stateMachines = [] } of paginateListStateMachines({ client }, {}))
      for (const { name = "", stateMachineArn = "" } of stateMachines) found.set(name, stateMachineArn);
    return found;
  }

  async function* newestFirst(executionArn: string): AsyncGenerator<HistoryEvent> {
    const pages = { client, pageSize: EVENTS_AT_ONCE };
    const input = { executionArn, reverseOrder: true };
    for await (const { events = [] } of paginateGetExecutionHistory(pages, input, options)) yield* events;
  }

  const describe = async (arn: string) =>
    executionOf(await client.send(new DescribeExecutionCommand({ executionArn: arn }), options));

  return {
    machine: (job) =>
      asked(async () => {
        const names = await machineNames();
        const stateMachineArn = names.get(machineName(stackName(stack), job));
        if (stateMachineArn === undefined) throw notDeployed(job, stack, [...names.keys()]);
        const { definition = "" } = await client.send(new DescribeStateMachineCommand({ stateMachineArn }), options);
        const { Bucket } = definitionSchema.parse(JSON.parse(definition)).States.Collect.ItemReader.Arguments;
        return { arn: stateMachineArn, bucket: Bucket };
      }),
    start: ({ arn: stateMachineArn }, { units, now }) =>
      asked(async () => {
        const name = `desk-${snapshotId(now).replaceAll(":", "")}-${randomBytes(4).toString("hex")}`;
        const input = JSON.stringify({ startedBy: "core-backup start", ...(units.length === 0 ? {} : { units }) });
        const command = new StartExecutionCommand({ stateMachineArn, name, input });
        const { executionArn, startDate } = await client.send(command, options);
        return executionOf({ executionArn, name, startDate, status: "RUNNING" });
      }),
    executions: ({ arn: stateMachineArn }, { running, limit }) =>
      asked(async () => {
        const command = new ListExecutionsCommand({
          stateMachineArn,
          maxResults: limit,
          ...(running ? { statusFilter: "RUNNING" } : {}),
        });
        const { executions = [] } = await client.send(command, options);
        const newest = executions.slice(0, limit);
        return Promise.all(newest.map(({ executionArn = "" }) => describe(executionArn)));
      }),
    describe: (arn) => asked(() => describe(arn)),
    begun: (arn) => asked(() => begunExecution(newestFirst(arn))),
    stop: (arn, cause) =>
      asked(async () => {
        await client.send(new StopExecutionCommand({ executionArn: arn, error: "Stopped", cause }), options);
      }),
    close: () => client.destroy(),
  };
}

function notDeployed(job: string, stack: Stack, names: readonly string[]): CodedError {
  const prefix = `${stackName(stack)}-`;
  const jobs = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  if (jobs.length > 0) {
    const meant = nearest(job, jobs);
    const hint = meant === undefined ? `; it has ${jobs.sort().join(", ")}` : ` (did you mean ${meant}?)`;
    return new CodedError("DEPLOYMENT_NOT_FOUND", `${stackName(stack)} in ${stack.region} has no job ${job}${hint}`);
  }
  return new CodedError(
    "DEPLOYMENT_NOT_FOUND",
    `there is no stack ${stackName(stack)} in ${stack.region}: deploy it (docs/aws.md), or say --stage, --region or --service`,
  );
}

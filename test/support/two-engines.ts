import { DeleteObjectCommand, DeleteObjectsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  type DescribeExecutionOutput,
  DescribeStateMachineCommand,
  type SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { aDeployedStack, type DeployedStack, executionEnded, until } from "./deployed-stack.ts";
import { ASKED, type FaultyCloud, startFaultyCloud } from "./faulty-cloud.ts";
import { type HeardEvent, listening } from "./heard-events.ts";
import { startSecondEngine } from "./second-engine.ts";

export type Definition = { readonly States: Record<string, Record<string, unknown>>; StartAt: string };

export interface Given {
  /** Changes the definition in a few places before it runs. */
  readonly changed?: (definition: Definition) => void;
}

export interface Engine {
  readonly name: string;
  readonly sfn: SFNClient;
  /** Starts the machine of a job: the one that is deployed, or what DescribeStateMachine says of it. */
  start(job: string, given?: Given): Promise<string>;
  ended(executionArn: string): Promise<DescribeExecutionOutput>;
  execute(job: string, given?: Given): Promise<DescribeExecutionOutput>;
}

export interface TwoEngines extends AsyncDisposable {
  readonly stack: DeployedStack;
  readonly faulty: FaultyCloud;
  readonly engines: readonly Engine[];
  /** What an execution announced. */
  announced(executionArn: string): Promise<HeardEvent>;
  /** Removes all that a job has stored, so that it can be run for the first time again. */
  forget(job: string): Promise<void>;
  store(key: string, text: string): Promise<void>;
  /** Gives a stopped execution's lease back, in place of waiting until it runs out. */
  freeLease(job: string): Promise<void>;
  /** Makes a job's lease one that nobody has renewed for a day. */
  neglectLease(job: string): Promise<void>;
}

/** Of one that did not end well it is what its last function threw. */
export function outcomeOf({ status, output, cause }: DescribeExecutionOutput): HeardEvent {
  return JSON.parse(status === "SUCCEEDED" ? (output ?? "{}") : JSON.parse(cause ?? "{}").errorMessage);
}

/**
 * One deployed stack, and two engines of Step Functions that run its machines: MiniStack's, onto which it is deployed, and
 * LocalStack's. Functions, bucket and bus are the same ones; what they are asked for passes `faulty`.
 */
export async function twoEngines(config: string, params: Readonly<Record<string, string>>): Promise<TwoEngines> {
  await using started = new AsyncDisposableStack();
  const faulty = started.use(await startFaultyCloud());
  const settings = { SFN_ASK: faulty.endpoint + ASKED, SFN_WAIT_SCALE: "0.05" };
  const stack = started.use(await aDeployedStack(config, { params, settings }));
  const taskEnv = { ...stack.env, CORE_BACKUP_CONFIG: stack.config, S3_BUCKET: stack.bucket };
  faulty.services = { endpoint: stack.cloud.endpoint, taskEnv };
  const second = started.use(await startSecondEngine(faulty.endpoint));
  const events = await listening(stack);

  function engine(name: string, sfn: SFNClient): Engine {
    const made = new Map<string, string>();
    let variants = 0;
    async function machineOf(job: string, { changed }: Given = {}): Promise<string> {
      const stateMachineArn = await stack.machineOf(job);
      if (changed === undefined && sfn === stack.sfn) return stateMachineArn;
      const known = changed === undefined ? made.get(job) : undefined;
      if (known !== undefined) return known;
      const deployed = await stack.sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
      const definition = JSON.parse(deployed.definition ?? "{}") as Definition;
      changed?.(definition);
      variants += 1;
      const created = await sfn.send(
        new CreateStateMachineCommand({
          name: changed === undefined ? deployed.name : `${deployed.name}-${variants}`,
          roleArn: deployed.roleArn,
          definition: JSON.stringify(definition),
        }),
      );
      const arn = created.stateMachineArn ?? "";
      if (changed === undefined) made.set(job, arn);
      return arn;
    }
    async function start(job: string, given?: Given): Promise<string> {
      const command = new StartExecutionCommand({ stateMachineArn: await machineOf(job, given), input: "{}" });
      return (await sfn.send(command)).executionArn ?? "";
    }
    const ended = (executionArn: string) => executionEnded(sfn, executionArn);
    return { name, sfn, start, ended, execute: async (job, given) => ended(await start(job, given)) };
  }

  const whole = started.move();
  return {
    stack,
    faulty,
    engines: [engine("MiniStack", stack.sfn), engine("LocalStack", second.sfn)],
    async announced(execution) {
      let found: HeardEvent | undefined;
      await until(async () => {
        found = (await events())
          .map(({ detail }) => detail as HeardEvent)
          .find((detail) => detail.execution === execution);
        return found !== undefined;
      });
      return found ?? {};
    },
    async forget(job) {
      const keys = await stack.keysBelow(`backups/${job}/`);
      if (keys.length === 0) return;
      const Objects = keys.map((Key) => ({ Key }));
      await stack.s3.send(new DeleteObjectsCommand({ Bucket: stack.bucket, Delete: { Objects } }));
    },
    async store(Key, Body) {
      await stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key, Body }));
    },
    async freeLease(job) {
      await stack.s3.send(new DeleteObjectCommand({ Bucket: stack.bucket, Key: `backups/${job}/.lease` }));
    },
    async neglectLease(job) {
      const Key = `backups/${job}/.lease`;
      const lease = JSON.parse((await stack.object(Key)).toString("utf8"));
      const dayBefore = (time: string) => new Date(Date.parse(time) - 24 * 60 * 60_000).toISOString();
      const { renewedAt, expiresAt } = lease;
      const Body = JSON.stringify({ ...lease, renewedAt: dayBefore(renewedAt), expiresAt: dayBefore(expiresAt) });
      await stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key, Body }));
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const PROGRAM = join(import.meta.dirname, "../../functions/task.ts");
const CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/processes";

/** A task as ECS describes it, as far as a state machine looks. */
export interface DescribedTask {
  readonly taskArn: string;
  readonly clusterArn: string;
  readonly lastStatus: "RUNNING" | "STOPPED";
  readonly containers: readonly { readonly name: string; readonly exitCode?: number }[];
}

export interface TaskProcesses extends AsyncDisposable {
  /** Answers its ARN. With `end` nothing runs: it ended with that exit code, or none, for it was never started. */
  start(env: Readonly<Record<string, string>>, end?: number | "unstarted"): string;
  described(arn: string): DescribedTask;
  /** Once it is STOPPED. */
  ended(arn: string): Promise<DescribedTask>;
}

/** What a task's container runs, as a process of this machine: for engines whose cloud has no containers. */
export function taskProcesses(): TaskProcesses {
  const tasks = new Map<string, { child?: ChildProcess; end?: number | "unstarted"; exit: Promise<unknown> }>();

  function described(arn: string): DescribedTask {
    const end = tasks.get(arn)?.end;
    return {
      taskArn: arn,
      clusterArn: CLUSTER,
      lastStatus: end === undefined ? "RUNNING" : "STOPPED",
      containers: [{ name: "core-backup", ...(typeof end === "number" ? { exitCode: end } : {}) }],
    };
  }

  return {
    start(env, end) {
      const arn = `${CLUSTER.replace("cluster/", "task/")}/${tasks.size}`;
      if (end !== undefined) {
        tasks.set(arn, { end, exit: Promise.resolve() });
        return arn;
      }
      const child = spawn(process.execPath, [PROGRAM], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
      const exit = once(child, "exit").then(([code, signal]) => {
        tasks.set(arn, { end: typeof code === "number" ? code : signal === "SIGKILL" ? 137 : 1, exit });
      });
      tasks.set(arn, { child, exit });
      return arn;
    },
    described,
    async ended(arn) {
      await tasks.get(arn)?.exit;
      return described(arn);
    },
    async [Symbol.asyncDispose]() {
      for (const { child, exit } of tasks.values()) {
        child?.kill("SIGKILL");
        await exit;
      }
    },
  };
}

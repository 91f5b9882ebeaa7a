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
  /** Answers its ARN. With `exitCode` nothing runs: it ended so. */
  start(env: Readonly<Record<string, string>>, exitCode?: number): string;
  described(arn: string): DescribedTask;
  /** Once it is STOPPED. */
  ended(arn: string): Promise<DescribedTask>;
}

/** What a task's container runs, as a process of this machine: for engines whose cloud has no containers. */
export function taskProcesses(): TaskProcesses {
  const tasks = new Map<string, { child?: ChildProcess; exitCode?: number; exit: Promise<unknown> }>();

  function described(arn: string): DescribedTask {
    const exitCode = tasks.get(arn)?.exitCode;
    return {
      taskArn: arn,
      clusterArn: CLUSTER,
      lastStatus: exitCode === undefined ? "RUNNING" : "STOPPED",
      containers: [{ name: "core-backup", ...(exitCode === undefined ? {} : { exitCode }) }],
    };
  }

  return {
    start(env, exitCode) {
      const arn = `${CLUSTER.replace("cluster/", "task/")}/${tasks.size}`;
      if (exitCode !== undefined) {
        tasks.set(arn, { exitCode, exit: Promise.resolve() });
        return arn;
      }
      const child = spawn(process.execPath, [PROGRAM], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
      const exit = once(child, "exit").then(([code, signal]) => {
        tasks.set(arn, { exitCode: typeof code === "number" ? code : signal === "SIGKILL" ? 137 : 1, exit });
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

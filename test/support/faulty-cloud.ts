import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type DescribedTask, taskProcesses } from "./task-process.ts";

/** What becomes of a call that a state machine makes, in place of what it is for. */
export type Fault =
  /** The service does not take it; Step Functions calls the error `Lambda.<code>`, `ECS.<code>` and so on. */
  | { readonly do: "refuse"; readonly code: string; readonly status?: number }
  /** The function ends by an error of that name. */
  | { readonly do: "die"; readonly error: string; readonly message: string }
  /** It does its work first. Not for the first engine, which calls functions itself. */
  | { readonly do: "die-late"; readonly error: string; readonly message: string }
  /** The function answers that, and was never called. */
  | { readonly do: "answer"; readonly payload: unknown }
  /** Nothing comes back, until whoever asked gives up. */
  | { readonly do: "hang" }
  /** The task's container ends with that exit code. */
  | { readonly do: "exit"; readonly code: number }
  /** The task's container is never started. */
  | { readonly do: "unstarted" };

export interface Call {
  /** `plan`, `collect` …; `task` for a container, `announce` for an event, `reader` for what a fan-out reads of the bucket. */
  readonly step: string;
  readonly job: string;
  readonly payload: Payload;
}

export interface Payload {
  readonly job?: string;
  readonly pointer?: { readonly job: string } | null;
  readonly outcome?: { readonly job?: string };
  readonly [field: string]: unknown;
}

export interface FaultyCloud extends AsyncDisposable {
  readonly endpoint: string;
  /** Of functions and tasks, in the order in which they came. */
  readonly calls: readonly Call[];
  /** Asked of each, and of events and what fan-outs read, which can be refused alone; undefined lets it pass. */
  fault: (call: Call) => Fault | undefined | Promise<Fault | undefined>;
  /** Where services are, and what a task's process has in its environment. */
  services: { readonly endpoint: string; readonly taskEnv: Readonly<Record<string, string>> };
}

/** Where MiniStack's engine, which sends no requests, asks what becomes of a call (test/peers/ministack/mended.py). */
export const ASKED = "/asked";

/**
 * Stands between an engine of Step Functions and what plays AWS's services. Calls of functions fail here as they do on AWS,
 * and tasks are processes. One engine sends all its requests through here; the other one asks first.
 */
export async function startFaultyCloud(): Promise<FaultyCloud> {
  const tasks = taskProcesses();
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cloud: FaultyCloud = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fault: () => undefined,
    services: { endpoint: "", taskEnv: {} },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
      await tasks[Symbol.asyncDispose]();
    },
  };
  return cloud;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const [, step] =
      /^\/2015-03-31\/functions\/[^/]*core-backup-test-(\w+)[^/]*\/invocations/.exec(request.url ?? "") ?? [];
    const target = String(request.headers["x-amz-target"] ?? "");
    const action = target.replace("AmazonEC2ContainerServiceV20141113.", "ecs.");
    if (request.url === ASKED) answer(response, 200, await asked(JSON.parse(body.toString())));
    else if (action === "ecs.RunTask") {
      const started = await runTask(JSON.parse(body.toString()));
      if (typeof started !== "string") return refuse(response, started);
      answer(response, 200, { tasks: [tasks.described(started)], failures: [] });
    } else if (action === "ecs.DescribeTasks") {
      const { tasks: arns } = JSON.parse(body.toString()) as { tasks: readonly string[] };
      answer(response, 200, { tasks: arns.map(tasks.described), failures: [] });
    } else {
      const fault =
        step !== undefined
          ? await faultOf(step, JSON.parse(body.toString()))
          : action === "AWSEvents.PutEvents"
            ? await refusalOf("announce", detailOf(JSON.parse(body.toString())))
            : isReader(request)
              ? await refusalOf("reader", {})
              : undefined;
      if (fault === undefined) {
        const { status, headers, bytes } = await pass(request, body);
        response.writeHead(status, headers).end(bytes);
      } else if (fault.do === "refuse") refuse(response, fault);
      else if (fault.do === "die" || fault.do === "die-late") {
        if (fault.do === "die-late") await pass(request, body);
        answer(response, 200, died(fault), { "x-amz-function-error": "Unhandled" });
      } else answer(response, 200, fault.do === "answer" ? fault.payload : {});
    }
  }

  async function faultOf(step: string, payload: Payload): Promise<Fault | undefined> {
    const call: Call = { step, job: payload.job ?? payload.pointer?.job ?? payload.outcome?.job ?? "", payload };
    calls.push(call);
    const fault = await cloud.fault(call);
    return fault?.do === "hang" ? new Promise(() => {}) : fault;
  }

  /** Of what is no call of a function or a task. */
  async function refusalOf(step: string, payload: Payload): Promise<Refusal | undefined> {
    const fault = await cloud.fault({ step, job: payload.job ?? "", payload });
    return fault?.do === "refuse" ? fault : undefined;
  }

  /** The same in Step Functions' own words: an error's name and cause, or a result. */
  async function asked({ resource, input }: { resource: string; input: Record<string, unknown> }): Promise<unknown> {
    if (resource.includes("events:putEvents"))
      return errorOf("EventBridge", await refusalOf("announce", detailOf(input)));
    if (resource.includes("ecs:runTask")) {
      const started = await runTask(lowered(input));
      return typeof started === "string" ? taskResult(await tasks.ended(started)) : errorOf("ECS", started);
    }
    const step = /core-backup-test-(\w+)/.exec(String(input.FunctionName))?.[1];
    if (!resource.includes("lambda:invoke") || step === undefined) return {};
    const fault = await faultOf(step, input.Payload as Payload);
    if (fault?.do === "die-late") throw new Error("the first engine hears of no answer that could be lost");
    if (fault?.do === "refuse") return errorOf("Lambda", fault);
    if (fault?.do === "die") return { error: fault.error, cause: JSON.stringify(died(fault)) };
    return fault?.do === "answer" ? { result: { StatusCode: 200, Payload: fault.payload } } : {};
  }

  async function runTask(asked: unknown): Promise<string | Refusal> {
    const { overrides } = asked as TaskRequest;
    const given = overrides.containerOverrides.flatMap(({ environment }) => environment);
    const env = Object.fromEntries(given.map(({ name, value }) => [name, value]));
    const fault = await faultOf("task", JSON.parse(env.CORE_BACKUP_TASK ?? "{}"));
    if (fault?.do === "refuse") return fault;
    const end = fault?.do === "exit" ? fault.code : fault?.do === "unstarted" ? fault.do : undefined;
    return tasks.start({ ...cloud.services.taskEnv, ...env }, end);
  }

  async function pass(request: IncomingMessage, body: Buffer) {
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const { method = "GET", url = "" } = request;
    const answered = await fetch(cloud.services.endpoint + url, {
      method,
      headers: headers as Record<string, string>,
      ...(body.byteLength === 0 ? {} : { body }),
    });
    const bytes = Buffer.from(await answered.arrayBuffer());
    return { status: answered.status, headers: Object.fromEntries(answered.headers), bytes };
  }
}

type Refusal = Extract<Fault, { readonly do: "refuse" }>;

interface TaskRequest {
  readonly overrides: {
    readonly containerOverrides: readonly {
      readonly environment: readonly { readonly name: string; readonly value: string }[];
    }[];
  };
}

const died = ({ error, message }: { error: string; message: string }) => ({ errorType: error, errorMessage: message });

/** Of the one event that Announce puts. The second engine has made a text of it. */
function detailOf({ Entries }: { readonly Entries?: unknown }): Payload {
  const [{ Detail }] = Entries as [{ readonly Detail: string | Payload }];
  return typeof Detail === "string" ? JSON.parse(Detail) : Detail;
}

/** Functions ask for theirs elsewhere. */
const isReader = ({ method, url = "" }: IncomingMessage): boolean =>
  method === "GET" && /\/plan\.jsonl(\?|$)/.test(url);

function refuse(response: ServerResponse, { code, status = 429 }: Refusal): void {
  const headers = { "x-amzn-errortype": code, "x-amzn-requestid": "0" };
  answer(response, status, { __type: code, message: "x" }, headers);
}

const errorOf = (service: string, refusal: Refusal | undefined) =>
  refusal === undefined ? {} : { error: `${service}.${refusal.code}`, cause: "x" };

function taskResult(task: DescribedTask): unknown {
  if (task.containers.every(({ exitCode }) => exitCode === 0)) return { result: capitalized(task) };
  return { error: "States.TaskFailed", cause: JSON.stringify(capitalized(task)) };
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Step Functions spells what a service calls `taskArn` as `TaskArn`. */
const capitalized = (value: unknown) => renamed(value, (key) => key.charAt(0).toUpperCase() + key.slice(1));
const lowered = (value: unknown) => renamed(value, (key) => key.charAt(0).toLowerCase() + key.slice(1));

function renamed(value: unknown, name: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [name(key), renamed(one, name)]));
}

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { ConfigError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { metricsPage, type PageMemory } from "../lib/measures/metrics-page.ts";
import { nextRuns } from "../lib/scheduling/schedule.ts";
import type { Service } from "../lib/scheduling/serve.ts";
import { watch } from "../lib/watch/watch.ts";
import type { WatchedJob } from "../lib/watch/watch-job.ts";
import { kept } from "./kept.ts";
import { nextPages } from "./next-page.ts";
import { serveSummary } from "./serve-summary.ts";
import { type Shown, statusPage } from "./status-page.ts";

export interface EndpointsOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface Endpoints {
  readonly url: string;
  /** From now on there is something to show; before it is not ready. */
  show(service: Service): void;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  /** After how many seconds who asked is to come back by itself. */
  readonly againSeconds?: number | undefined;
}

interface Served {
  readonly service: Service;
  readonly watched: () => Promise<readonly WatchedJob[]>;
  readonly html: () => Shown;
  readonly metrics: () => Promise<string>;
}

const WATCHED_FOR = { freshMs: 30_000 };
/** What of storages that answer too late or never is not there by then is shown as that. */
const WATCH_MS = 10 * 60_000;
/** Of a job that was never good, or never proved, all its snapshots are looked through once an hour, which may take longer than a scraper waits. */
const METRICS_FOR = { freshMs: 10_000, usableMs: 600_000 };
/**
 * Of a storage that hangs they then say that it cannot be read. Less than half of the time that the last ones are answered at once: those are as old as
 * that when they are made, and the next ones, which a scrape begins, take it again.
 */
const METRICS_MS = 240_000;
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** A scheduler looks at the clock once a minute. */
const HANGS_AFTER_MS = 5 * 60_000;
const NAMES = new Set(["localhost", "localhost.", "ip6-localhost"]);

/**
 * What `serve` answers over HTTP, to GET and HEAD alone. It shows names of jobs and their states, never a secret; whoever
 * reaches the address may read it.
 * @throws ConfigError when the address cannot be used
 */
export async function startEndpoints(options: EndpointsOptions): Promise<Endpoints> {
  const { host, port, log, signal } = options;
  let served: Served | undefined;
  const server = createServer((request, response) => {
    void answer(request).then(
      (given) => send(request, response, given),
      (error: unknown) => {
        log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
        send(request, response, {
          status: 500,
          text: "a fault in core-backup itself; the log with --verbose says more\n",
        });
      },
    );
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`--host ${host} --port ${port} cannot be used: ${reason}`, { cause: error });
  }
  const address = server.address();
  const used = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${used}/`,
    show: (service) => {
      const { now } = options;
      const memory: PageMemory = new WeakMap();
      const nextPage = nextPages(WATCH_MS);
      served = {
        service,
        watched: kept(WATCHED_FOR, now, () =>
          service.using(
            async (backup) => (await watch(backup, backup.config.jobs, { dryRun: true, withinMs: WATCH_MS })).jobs,
          ),
        ).ask,
        html: statusPage({ now, log, signal }, (older) => service.using((backup) => nextPage(backup, older))),
        metrics: kept(METRICS_FOR, now, () =>
          service.using((backup) => metricsPage(backup, { memory, withinMs: METRICS_MS })),
        ).ask,
      };
      // Begins the first one, so that who comes later finds it.
      served.html();
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, text: "only GET and HEAD\n" };
    // A page on the web can have a name that leads here, and would read what is shown.
    if (isLoopback(host) && !isLocalName(request.headers.host))
      return { status: 421, text: "not served by this name\n" };
    const path = (request.url ?? "/").split("?", 1)[0];
    if (path === "/healthz") return health(served?.service, options);
    if (path === "/readyz") return ready(served?.service, options);
    if (path !== "/" && path !== "/metrics")
      return { status: 404, text: "there are /, /metrics, /healthz and /readyz\n" };
    if (served === undefined) return { status: 503, text: "starting\n" };
    if (path === "/metrics") return { status: 200, text: await served.metrics(), type: METRICS_TYPE };
    return page(served, options, request.headers.accept);
  }
}

/** The one place where `/` is made: the page of `core-backup report` for a browser, a summary in text for anyone else. */
async function page({ service, watched, html }: Served, { now }: EndpointsOptions, accept = ""): Promise<Answer> {
  if (accept.includes("text/html")) {
    const { isPage, ...shown } = html();
    return { ...shown, status: isPage ? 200 : 503, type: "text/html; charset=utf-8" };
  }
  return { status: 200, text: serveSummary({ service, watched: await watched(), now: now() }) };
}

/** Alive: the scheduler looks at the clock. A probe that fails here should start the process anew. */
function health(service: Service | undefined, { now }: EndpointsOptions): Answer {
  const idle = service === undefined ? 0 : now().getTime() - service.lastLook().getTime();
  if (idle <= HANGS_AFTER_MS) return { status: 200, text: "ok\n" };
  return { status: 503, text: `the scheduler has not looked at the clock for ${Math.round(idle / 1000)} s\n` };
}

/** Ready: jobs are begun at their times. What is not known of their past, what runs too long, and a file that was refused, is said all the same. */
function ready(service: Service | undefined, { now, signal }: EndpointsOptions): Answer {
  if (signal.aborted) return { status: 503, text: "ending\n" };
  if (service === undefined) return { status: 503, text: "starting\n" };
  const asking = service.jobs().filter(({ state }) => state === "asking");
  const lines = asking.map(({ job }) => `${job}: the storage has not said yet when it last ran\n`);
  for (const { job, state, since } of service.jobs()) {
    const { schedule, timezone } = service.config().jobs.find(({ name }) => name === job) ?? {};
    const [next] = schedule === undefined || timezone === undefined ? [] : nextRuns(schedule, timezone, since, 1);
    if (state === "running" && next !== undefined && next <= now())
      lines.push(`${job}: runs, or waits for room, since ${since.toISOString()}, and its next time has passed\n`);
  }
  const refused = service.refused();
  if (refused !== undefined)
    lines.push(`the configuration in the file is wrong, the one before is in force: ${refused}\n`);
  return { status: 200, text: `ready\n${lines.join("")}` };
}

function send({ method }: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, text, type, againSeconds } = answer;
  response.writeHead(status, {
    "content-type": type ?? "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
    ...(againSeconds === undefined ? {} : { refresh: String(againSeconds) }),
  });
  response.end(method === "HEAD" ? "" : text);
}

const isLoopback = (host: string): boolean => host === "::1" || host === "localhost" || host.startsWith("127.");

function isLocalName(header: string | undefined): boolean {
  const name = (header ?? "").replace(/:\d+$/, "").toLowerCase();
  return NAMES.has(name) || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

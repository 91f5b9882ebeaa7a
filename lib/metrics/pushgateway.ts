import * as z from "zod";
import type { PushgatewayOptions } from "../config/metrics-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import { MetricsError } from "../errors.ts";
import { prometheusText } from "../measures/prometheus-text.ts";
import { checkAnswer, hostOf, outsideRequest } from "../outside-request.ts";
import type { MetricsContext, MetricsOutput, Published } from "./metrics.ts";
import { requestFaults } from "./request-faults.ts";

type Labels = Readonly<Record<string, string>>;

/** A Pushgateway answers its groups with all they hold. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const groupsSchema = z.object({
  data: z.array(
    z
      .object({
        labels: z.record(z.string(), z.string()),
        core_backup_job_info: z
          .object({ metrics: z.array(z.object({ labels: z.record(z.string(), z.string()) })) })
          .optional(),
      })
      .loose(),
  ),
});

/**
 * A group for each job, replaced whole. Those of jobs that left the configuration are deleted: they would stay for ever, and
 * their alerts with them. https://github.com/prometheus/pushgateway/blob/master/README.md#api
 */
export async function pushgatewayOutput(
  options: PushgatewayOptions,
  { secrets, hostname }: Pick<MetricsContext, "secrets" | "hostname">,
): Promise<MetricsOutput> {
  const base = options.url.replace(/\/+$/, "");
  const [password, token] = await Promise.all(
    [secretOf(options, "password"), secretOf(options, "token")].map(async (reference) =>
      reference === undefined ? undefined : (await secrets.resolve(reference)).trim(),
    ),
  );
  const headers = authorization(options.username, password, token);
  const instance = options.instance ?? hostname;
  const grouping = (labels: Labels): Labels => ({
    job: options.job,
    ...(instance === "" ? {} : { instance }),
    ...labels,
  });

  async function call(method: "PUT" | "DELETE" | "GET", path: string, signal: AbortSignal, body?: string) {
    const url = base + path;
    const init = { method, headers: { ...headers, ...(body === undefined ? {} : TEXT) }, signal };
    const response = await outsideRequest(url, body === undefined ? init : { ...init, body }, requestFaults);
    if (method !== "GET" || !response.ok) await checkAnswer(response, url, signal, requestFaults);
    return response;
  }

  async function removeForgotten(published: Published, signal: AbortSignal): Promise<void> {
    // Without an instance nothing says whose of several machines a group is.
    if (published.configured === undefined || instance === "") return;
    const response = await call("GET", "/api/v1/metrics", signal);
    for (const labels of forgotten(parsed(await limitedText(response), base), grouping(published.labels), published)) {
      await call("DELETE", groupPath(labels), signal);
    }
  }

  return {
    async publish(published, signal) {
      for (const job of published.jobs) {
        const path = groupPath({ ...grouping(published.labels), backup_job: job.job });
        // The grouping's labels are put on every metric by the Pushgateway.
        await call("PUT", path, signal, prometheusText([job]));
      }
      await removeForgotten(published, signal);
    },
  };
}

const TEXT = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

function authorization(username: string | undefined, password: string | undefined, token: string | undefined) {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}` };
}

/** Values in base64url, which takes slashes and the empty text; `job` has to come first. */
function groupPath({ job, ...labels }: Labels): string {
  const parts = [["job", job ?? ""], ...Object.entries(labels)].map(
    ([name, value = ""]) => `${name}@base64/${value === "" ? "=" : Buffer.from(value).toString("base64url")}`,
  );
  return `/metrics/${parts.join("/")}`;
}

/** Groups that this configuration made: they have our grouping, and say which file they are of. */
function* forgotten(
  { data }: z.infer<typeof groupsSchema>,
  grouping: Labels,
  { configured = [], configFile }: Published,
): Generator<Labels> {
  for (const { labels, core_backup_job_info: info } of data) {
    const { backup_job: job, ...rest } = labels;
    if (job === undefined || configured.includes(job) || !areEqual(rest, grouping)) continue;
    if (info?.metrics.some((metric) => metric.labels.config === configFile) === true) yield labels;
  }
}

function areEqual(a: Labels, b: Labels): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function parsed(text: string, url: string): z.infer<typeof groupsSchema> {
  try {
    return groupsSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new MetricsError("METRICS_REFUSED", `${hostOf(url)} does not answer as a Pushgateway does`, { cause: error });
  }
}

async function limitedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new MetricsError("METRICS_REFUSED", "the Pushgateway's answer is too long");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

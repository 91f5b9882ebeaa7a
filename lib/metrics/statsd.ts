import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { promisify } from "node:util";
import type { StatsdOptions } from "../config/metrics-options.ts";
import { TransientError } from "../errors.ts";
import { metricFamilies, type Sample } from "../measures/metric-families.ts";
import { checkEgress } from "../network/egress.ts";
import type { MetricsOutput, Published, PublishedJob } from "./metrics.ts";

const GAUGES: ReadonlySet<string> = new Set(
  metricFamilies.filter(({ type }) => type === "gauge").map(({ name }) => name),
);
const PREFIX = "core_backup_";

/**
 * Gauges as they are, and what a run added to counters: StatsD adds up by itself. Over UDP, which answers nothing: only a
 * name that does not resolve and a port that is closed on this machine show.
 * https://github.com/statsd/statsd/blob/master/docs/metric_types.md
 * https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/
 */
export function statsdOutput(options: StatsdOptions): MetricsOutput {
  return {
    async publish(published, signal) {
      const packets = [...statsdPackets(published, options)];
      checkEgress(options.host, options.port);
      try {
        const { address, family } = await lookup(options.host);
        signal.throwIfAborted();
        await send(packets, { address, port: options.port, type: family === 6 ? "udp6" : "udp4" });
      } catch (error) {
        signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new TransientError("METRICS_UNREACHABLE", `${options.host}:${options.port} cannot be reached: ${why}`);
      }
    },
  };
}

/** Lines, as many together as fit into a packet. A line that is too long for one goes alone: the network may cut it up. */
export function* statsdPackets(published: Published, options: StatsdOptions): Generator<string> {
  let packet = "";
  for (const line of published.jobs.flatMap((job) => lines(job, published, options))) {
    const longer = packet === "" ? line : `${packet}\n${line}`;
    if (packet !== "" && Buffer.byteLength(longer) > options.max_packet_bytes) {
      yield packet;
      packet = line;
    } else packet = longer;
  }
  if (packet !== "") yield packet;
}

function lines({ job, samples, increments }: PublishedJob, { labels }: Published, options: StatsdOptions): string[] {
  const common = { ...labels, backup_job: job };
  return [
    ...samples.filter(({ name }) => GAUGES.has(name)).map((one) => line(one, "g", common, options)),
    ...increments.filter(({ value }) => value > 0).map((one) => line(one, "c", common, options)),
  ];
}

function line(
  { name, labels, value }: Sample,
  type: "g" | "c",
  common: Readonly<Record<string, string>>,
  { prefix, format }: StatsdOptions,
): string {
  const short = name.slice(PREFIX.length);
  if (format === "dogstatsd") {
    const tags = Object.entries({ ...common, ...labels }).map(([tag, text]) => `${tag}:${tagValue(text)}`);
    return `${prefix}.${short}:${decimal(value)}|${type}|#${tags.join(",")}`;
  }
  const place = [prefix, ...Object.values(common), short, ...Object.values(labels)];
  return `${place.map(pathPart).join(".")}:${decimal(value)}|${type}`;
}

/** Neither ends the tag nor the line. */
const tagValue = (text: string): string => text.replace(/[,|#\s]+/g, "_");
const pathPart = (text: string): string => text.replace(/[^A-Za-z0-9_-]+/g, "_");
/** Without an exponent, which not every server reads. */
const decimal = (value: number): string => (Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(3));

async function send(
  packets: readonly string[],
  { address, port, type }: { readonly address: string; readonly port: number; readonly type: "udp4" | "udp6" },
): Promise<void> {
  const socket: Socket = createSocket(type);
  let failed: Error | undefined;
  socket.on("error", (error) => {
    failed ??= error;
  });
  try {
    await new Promise<void>((done, fail) => {
      socket.once("error", fail);
      // Connected, so that the system tells of a port that nobody listens on.
      socket.connect(port, address, done);
    });
    for (const packet of packets)
      await promisify<string, void>((text, done) => socket.send(text, (error) => done(error)))(packet);
    // What a closed port answers comes a moment later.
    await new Promise((done) => setTimeout(done, 20));
    // Where this process had to wait for its turn, the timer is up before what came meanwhile is read.
    await new Promise((done) => setImmediate(done));
    if (failed !== undefined) throw failed;
  } finally {
    socket.close();
  }
}

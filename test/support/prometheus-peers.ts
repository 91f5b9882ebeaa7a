import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { type ServerProcess, startListening } from "./listening.ts";

const FOLDER =
  process.env.CORE_BACKUP_TEST_PROMETHEUS ?? path.join(import.meta.dirname, "..", "peers", ".bin", "prometheus");

const ABSENT = "no Prometheus peers: test/peers/prometheus/build.sh builds them";

/** Why tests with them are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noPrometheusPeers: string | false =
  existsSync(path.join(FOLDER, "pushgateway")) || process.env.CI !== undefined ? false : ABSENT;

export interface Pushgateway extends AsyncDisposable {
  readonly url: string;
  /** What Prometheus would scrape, without the gateway's metrics about itself. */
  scrape(): Promise<string>;
  /** The grouping labels of all groups. */
  groups(): Promise<readonly Readonly<Record<string, string>>[]>;
}

/** A Pushgateway of this test's own; `webConfig`: a file with its users. */
export async function startPushgateway(webConfig?: string): Promise<Pushgateway> {
  const server = await started("pushgateway", (port) => [
    `--web.listen-address=127.0.0.1:${port}`,
    ...(webConfig === undefined ? [] : [`--web.config.file=${webConfig}`]),
  ]);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    async scrape() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return text
        .split("\n")
        .filter((line) => /^(# (HELP|TYPE) )?(core_backup|push_)/.test(line))
        .join("\n");
    },
    async groups() {
      const answer = await (await fetch(`${url}/api/v1/metrics`)).text();
      const { data }: { data: { labels: Record<string, string> }[] } = JSON.parse(answer);
      return data.map(({ labels }) => labels);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

export interface StatsdExporter extends AsyncDisposable {
  /** Where StatsD lines go, over UDP. */
  readonly port: number;
  /** What it made of them, without its metrics about itself, once there is something. */
  scrape(): Promise<string>;
}

/** Prometheus' StatsD exporter: a server of StatsD and DogStatsD lines that shows what it understood. */
export async function startStatsdExporter(): Promise<StatsdExporter> {
  const udp = await freePort();
  const server = await started("statsd_exporter", (port) => [
    `--web.listen-address=127.0.0.1:${port}`,
    `--statsd.listen-udp=127.0.0.1:${udp}`,
    "--statsd.listen-tcp=",
  ]);
  return {
    port: udp,
    async scrape() {
      for (let tries = 0; ; tries += 1) {
        const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
        const lines = text
          .split("\n")
          .filter((line) => /^(core_backup|backups|statsd_exporter_sample_errors)/.test(line));
        if (lines.some((line) => !line.startsWith("statsd_exporter")) || tries === 200) return lines.join("\n");
        await delay(25);
      }
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const started = (name: string, args: (port: number) => readonly string[]): Promise<ServerProcess> =>
  startListening((port) => ({ program: path.join(FOLDER, name), args: args(port) }));

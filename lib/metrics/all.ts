import type { MetricsOptions } from "../config/metrics-options.ts";
import type { MetricsContext, MetricsOutput, MetricsTarget } from "./metrics.ts";
import { otlpSettings } from "./otlp-settings.ts";

/** CloudWatch's needs no time: it writes a line. */
const A_LINE_MS = 10_000;

/** The outputs of a configuration, and the one that variables ask for. What one needs is loaded when it is needed. */
export function metricsTargets(
  { textfile, pushgateway, statsd, cloudwatch }: Partial<MetricsOptions>,
  context: MetricsContext,
): readonly MetricsTarget[] {
  const targets: MetricsTarget[] = [];
  const add = (name: string, timeoutMs: number, make: () => Promise<MetricsOutput>) =>
    targets.push(target(name, timeoutMs, make));
  if (textfile !== undefined) {
    add("textfile", textfile.timeout, async () => (await import("./textfile.ts")).textfileOutput(textfile));
  }
  if (pushgateway !== undefined) {
    const make = async () => (await import("./pushgateway.ts")).pushgatewayOutput(pushgateway, context);
    add("pushgateway", pushgateway.timeout, make);
  }
  if (statsd !== undefined) {
    add("statsd", statsd.timeout, async () => (await import("./statsd.ts")).statsdOutput(statsd));
  }
  const { functionLog: write, now } = context;
  if (cloudwatch !== undefined && write !== undefined) {
    const make = async () => (await import("./cloudwatch.ts")).cloudwatchOutput(cloudwatch, { write, now });
    add("cloudwatch", A_LINE_MS, make);
  }
  const otlp = otlpSettings(context.env);
  if (otlp !== undefined) {
    add("otlp", otlp.timeoutMs, async () => (await import("./otlp.ts")).otlpOutput(otlp, context.redaction));
  }
  return targets;
}

function target(name: string, timeoutMs: number, make: () => Promise<MetricsOutput>): MetricsTarget {
  let opened: Promise<MetricsOutput> | undefined;
  return {
    name,
    timeoutMs,
    open() {
      opened ??= make().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
  };
}

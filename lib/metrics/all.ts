import type { MetricsOptions } from "../config/metrics-options.ts";
import type { MetricsOutput, MetricsTarget } from "./metrics.ts";

/** The outputs of a configuration. What one needs is loaded when it is needed. */
export function metricsTargets(options: MetricsOptions | undefined): readonly MetricsTarget[] {
  const { textfile } = options ?? {};
  const targets: MetricsTarget[] = [];
  if (textfile !== undefined) {
    targets.push(
      target("textfile", textfile.timeout, async () => (await import("./textfile.ts")).textfileOutput(textfile)),
    );
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

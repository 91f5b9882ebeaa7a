import type { MetricsTarget, Published } from "../../lib/metrics/metrics.ts";

/** An output in memory. */
export function collectedMetrics() {
  const published: Published[] = [];
  const failing: { error: Error | undefined } = { error: undefined };
  const target: MetricsTarget = {
    name: "memory",
    timeoutMs: 1_000,
    open: async () => ({
      async publish(metrics) {
        if (failing.error !== undefined) throw failing.error;
        published.push(metrics);
      },
    }),
  };
  /** Of the first job that was given away last: values by name and labels. */
  const values = (): Readonly<Record<string, number>> => {
    const samples = published.at(-1)?.jobs[0]?.samples ?? [];
    return Object.fromEntries(
      samples.map(({ name, labels, value }) => [
        [name, ...Object.values(labels)].join(" ").replace("core_backup_", ""),
        value,
      ]),
    );
  };
  return { target, published, failing, values };
}

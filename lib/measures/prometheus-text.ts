import { metricFamilies, type Sample } from "./metric-families.ts";

/** What is known of one job. */
export interface JobSamples {
  readonly job: string;
  readonly samples: readonly Sample[];
}

/**
 * Prometheus' text format, version 0.0.4: families in the order of their table, the samples of each together.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function prometheusText(jobs: readonly JobSamples[], common: Readonly<Record<string, string>> = {}): string {
  const lines = metricFamilies.flatMap(({ name, help, type }) => {
    const samples = jobs.flatMap(({ job, samples: all }) =>
      all.filter((one) => one.name === name).map((one) => sampleLine(one, { ...common, backup_job: job })),
    );
    return samples.length === 0 ? [] : [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...samples];
  });
  return lines.map((line) => `${line}\n`).join("");
}

function sampleLine({ name, labels, value }: Sample, common: Readonly<Record<string, string>>): string {
  const all = Object.entries({ ...common, ...labels });
  return `${name}{${all.map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`).join(",")}} ${value}`;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

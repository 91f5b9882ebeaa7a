import { behindProxy, mongoHosts } from "../mongo-hosts.ts";
import { bypasses } from "../network/no-proxy.ts";
import type { Issue } from "./issues.ts";
import { isRecord } from "./messages.ts";

/** Servers that the configuration itself names and that no HTTP proxy reaches. Those that only a secret names are found when they are asked. */
export function beyondProxy(jobs: unknown, noProxy: readonly string[]): readonly Issue[] {
  const issues: Issue[] = [];
  for (const [index, job] of Array.isArray(jobs) ? jobs.entries() : []) {
    if (!isRecord(job) || job.service !== "mongodb" || !isRecord(job.options)) continue;
    const { uri } = job.options;
    const hosts = typeof uri === "string" ? mongoHosts(uri) : [];
    const first = hosts.find(({ host, port }) => !bypasses(host, port, noProxy.join(",")));
    if (first !== undefined)
      issues.push({ path: ["jobs", index, "options", "uri"], isKey: false, message: behindProxy(first.host) });
  }
  return issues;
}

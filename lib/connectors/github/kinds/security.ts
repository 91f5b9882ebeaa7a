import type { Kind } from "./kind.ts";

const permission = (name: string) => ({ permission: `${name}:read`, scope: "security_events" });

/** What is wrong with the code. Off by default: not every operator wants it copied. */
export const securityKinds: readonly Kind[] = [
  {
    name: "security_advisories",
    subject: "repository",
    what: "Security advisories, drafts too where allowed",
    permission: "repository_advisories:read",
    scope: "repo",
    byDefault: false,
    key: "ghsa_id",
    absent: "DISABLED",
    reading: { how: "list", path: "/repos/{owner}/{repo}/security-advisories?per_page=100" },
  },
  {
    name: "dependabot_alerts",
    subject: "repository",
    what: "Alerts of Dependabot",
    ...permission("vulnerability_alerts"),
    byDefault: false,
    key: "number",
    absent: "DISABLED",
    reading: { how: "list", path: "/repos/{owner}/{repo}/dependabot/alerts?per_page=100" },
  },
  {
    name: "code_scanning_alerts",
    subject: "repository",
    what: "Alerts of code scanning",
    ...permission("security_events"),
    byDefault: false,
    key: "number",
    absent: "DISABLED",
    reading: { how: "list", path: "/repos/{owner}/{repo}/code-scanning/alerts?per_page=100" },
  },
  {
    name: "secret_scanning_alerts",
    subject: "repository",
    what: "Alerts of secret scanning, without the secrets that were found",
    ...permission("secret_scanning_alerts"),
    byDefault: false,
    key: "number",
    absent: "DISABLED",
    reading: { how: "list", path: "/repos/{owner}/{repo}/secret-scanning/alerts?hide_secret=true&per_page=100" },
  },
];

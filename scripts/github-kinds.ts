import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { kinds } from "../lib/connectors/github/kinds/all.ts";
import { type Content, contents } from "../lib/connectors/github/kinds/contents.ts";
import type { Kind } from "../lib/connectors/github/kinds/kind.ts";

/** Writes the tables of kinds and the rights that they need into docs/github.md, from what the code has. A test compares the two. */

const FILE = path.join(import.meta.dirname, "../docs/github.md");
const KINDS = /(<!-- kinds: begin -->\n).*(<!-- kinds: end -->)/s;
const RIGHTS = /(<!-- rights: begin -->\n).*(<!-- rights: end -->)/s;

/** What GitHub's pages call the permissions that the default kinds need. */
const OF_REPOSITORIES: Readonly<Record<string, string>> = {
  actions: "Actions",
  actions_variables: "Variables",
  administration: "Administration",
  contents: "Contents",
  discussions: "Discussions",
  environments: "Environments",
  issues: "Issues",
  metadata: "Metadata",
  pages: "Pages",
  pull_requests: "Pull requests",
  repository_hooks: "Webhooks",
  secrets: "Secrets",
};
const OF_ORGANIZATIONS: Readonly<Record<string, string>> = {
  members: "Members",
  organization_actions_variables: "Variables",
  organization_administration: "Administration",
  organization_custom_properties: "Custom properties",
  organization_hooks: "Webhooks",
  organization_projects: "Projects",
  organization_secrets: "Secrets",
};
/** Of organizations, too. GitHub describes no name of theirs that a link or a manifest could have. */
const BY_HAND: Readonly<Record<string, string>> = { issue_types: "Issue Types" };

const TOKEN_PAGE = "https://github.com/settings/personal-access-tokens/new";

/** What is no file of JSON Lines alone. */
const RESTORED: Readonly<Record<string, string>> = {
  git: "bare repository, to be pushed",
  wiki: "bare repository, to be pushed",
  gist_git: "bare repository, to be pushed",
  lfs: "objects where git wants them, `lfs.jsonl`",
  assets: "files",
  attachments: "files, `attachments.jsonl`",
  gists_starred: "as gists",
};

if (process.argv[1] === import.meta.filename) writeFileSync(FILE, withKinds(readFileSync(FILE, "utf8")));

/** The page with its tables and rights made anew. */
export function withKinds(page: string): string {
  return page
    .replace(KINDS, (_, begin: string, end: string) => `${begin}\n${tables()}\n${end}`)
    .replace(RIGHTS, (_, begin: string, end: string) => `${begin}\n${rights()}\n${end}`);
}

function rights(): string {
  const needed = [...contents, ...kinds].filter(({ byDefault }) => byDefault).map(({ permission }) => permission);
  const all = [...new Set(needed.map((permission) => permission.replace(/:.*/, "")))].toSorted();
  const names = all.filter((name) => !(name in BY_HAND));
  const byHand = all.flatMap((name) => BY_HAND[name] ?? []).join(", ");
  const unnamed = names.filter((name) => !(name in OF_REPOSITORIES || name in OF_ORGANIZATIONS));
  if (unnamed.length > 0) throw new Error(`nobody said what GitHub calls ${unnamed.join(", ")}`);
  const listed = (called: Readonly<Record<string, string>>) =>
    names
      .flatMap((name) => called[name] ?? [])
      .toSorted()
      .join(", ");
  const permissions = Object.fromEntries(names.map((name) => [name, "read"]));
  const app = {
    name: "core-backup of my-org",
    url: "https://example.com",
    public: false,
    hook_attributes: { url: "https://example.com", active: false },
    default_permissions: permissions,
  };
  const { name, url, public: isPublic } = app;
  const query = new URLSearchParams({ name, url, public: String(isPublic), webhook_active: "false", ...permissions });
  const link = `https://github.com/organizations/my-org/settings/apps/new?${query}`;
  const token = new URLSearchParams({ name, target_name: "my-org", ...permissions });
  return `A **fine-grained token**: [this link](${TOKEN_PAGE}?${token}) opens the page that makes it; put your organization's name in the place of \`my-org\` in its address, and choose all repositories and when it ends. GitHub filled that page in from its address, and took the description of it out of its documentation in May 2026 as broken: compare it with this list. It has, _read-only_,

- repository permissions: ${listed(OF_REPOSITORIES)}
- organization permissions: ${listed(OF_ORGANIZATIONS)}
- and, in no link or manifest, for GitHub describes no name of it there, so to be chosen by hand: ${byHand} (of organizations)

A **GitHub App**: [this link](${link}) opens the page that registers it, filled in; put your organization's name in the place of \`my-org\` in its address. The same as JSON for the [manifest flow](https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest):

\`\`\`json
${JSON.stringify(app, undefined, 2).replace(/\{\n\s+"url": "([^"]+)",\n\s+"active": false\n\s+\}/, '{ "url": "$1", "active": false }')}
\`\`\`
`;
}

function tables(): string {
  const rows = [...contents, ...kinds];
  return [...new Set(rows.map(({ subject }) => subject))]
    .map((subject) => `**Of each ${subject}**\n\n${table(rows.filter((row) => row.subject === subject))}`)
    .join("\n");
}

function table(rows: readonly (Content | Kind)[]): string {
  const cells = [
    ["kind", "what", "asked for at", "right (App, fine-grained)", "scope (classic)", "default", "restored as"],
    ...rows.map(cellsOf),
  ];
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return cells.map(line).toSpliced(1, 0, rule).join("");
}

function cellsOf(row: Content | Kind): readonly string[] {
  const { name, what, permission, scope, byDefault } = row;
  return [
    `\`${name}\``,
    what,
    "reading" in row ? `\`${pathOf(row)}\`` : "git, LFS or a download",
    permission.replace(":", ": "),
    scope === "" ? "none" : `\`${scope}\``,
    byDefault ? "yes" : "",
    RESTORED[name] ?? `\`${name}.jsonl\``,
  ];
}

/** Without the parameters that only say how many. */
function pathOf({ reading }: Kind): string {
  const full = reading.how === "each" || reading.how === "changed" ? reading.child.path : reading.path;
  return full.replace(/\?.*$/, "");
}

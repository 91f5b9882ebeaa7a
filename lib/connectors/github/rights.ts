import type { Kind } from "./kinds/kind.ts";

/** What a scope of a classic token brings along. https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  repo: ["security_events", "public_repo", "repo:status", "repo_deployment", "repo:invite"],
  "admin:org": ["write:org", "read:org", "manage_runners:org"],
  "write:org": ["read:org"],
  user: ["read:user", "user:email", "user:follow"],
  project: ["read:project"],
  "write:packages": ["read:packages"],
  "admin:repo_hook": ["write:repo_hook", "read:repo_hook"],
  "write:repo_hook": ["read:repo_hook"],
  "admin:public_key": ["write:public_key", "read:public_key"],
  "write:public_key": ["read:public_key"],
  "admin:gpg_key": ["write:gpg_key", "read:gpg_key"],
  "write:gpg_key": ["read:gpg_key"],
  "admin:enterprise": ["manage_runners:enterprise", "manage_billing:enterprise", "read:enterprise"],
};
const LEVELS = ["read", "write", "admin"];

/** Whether a classic token with `scopes`, as GitHub's header lists them, has `needed`. */
export function granted(needed: string, scopes: string): boolean {
  if (needed === "") return true;
  const held = scopes
    .split(",")
    .map((scope) => scope.trim())
    .filter((scope) => scope !== "");
  const all = new Set(held.flatMap((scope) => [scope, ...(IMPLIED[scope] ?? [])]));
  return all.has(needed);
}

/** The kinds that an App's installation with `permissions` cannot read. */
export function missingPermissions<K extends Pick<Kind, "permission">>(
  kinds: readonly K[],
  permissions: Readonly<Record<string, string>>,
): readonly K[] {
  return kinds.filter(({ permission }) => {
    const [name = "", level = "read"] = permission.split(":");
    return LEVELS.indexOf(permissions[name] ?? "") < LEVELS.indexOf(level);
  });
}

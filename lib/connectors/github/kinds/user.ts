import type { Kind } from "./kind.ts";

const row = (name: string, what: string, path: string, byDefault = true): Kind => ({
  name,
  subject: "user",
  what,
  permission: "metadata:read",
  scope: "",
  byDefault,
  reading: name === "user" ? { how: "object", path } : { how: "list", path: `${path}?per_page=100` },
});

/** What a user shows to everybody, apart from repositories. */
export const userKinds: readonly Kind[] = [
  row("user", "The user's profile", "/users/{username}"),
  row("user_starred", "Repositories with the user's star", "/users/{username}/starred"),
  row("user_followers", "Followers", "/users/{username}/followers"),
  row("user_following", "Whom the user follows", "/users/{username}/following"),
  row("user_keys", "SSH keys (public halves)", "/users/{username}/keys"),
  row("user_gpg_keys", "GPG keys (public halves)", "/users/{username}/gpg_keys"),
  row("user_signing_keys", "SSH keys for signing (public halves)", "/users/{username}/ssh_signing_keys"),
  row("user_organizations", "Organizations that show the user as a member", "/users/{username}/orgs"),
  row("user_gists", "List of gists with their files' names. Secret ones are not listed", "/users/{username}/gists"),
];

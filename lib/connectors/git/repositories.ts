import { secretOf } from "../../config/secret-fields.ts";
import { type Location, LocationFault, parseLocation } from "../../git/location.ts";
import type { GitRemote } from "../../git/remote.ts";
import type { SecretReference } from "../../secrets/secrets.ts";
import type { RepositoryOptions } from "./repository-options.ts";

/** One repository to back up, and so one unit. */
export interface Repository extends GitRemote {
  readonly id: string;
  readonly username: string;
  /** A token or a password: both are sent as the second half of Basic authentication. */
  readonly secret: SecretReference | undefined;
}

export interface ParsedRepositories {
  readonly repositories: readonly Repository[];
  /** Entries whose unit would be called like an earlier one's. */
  readonly duplicates: readonly { readonly index: number; readonly message: string }[];
}

/** GitHub takes any name beside a token, and this is the one that it documents. */
const TOKEN_USER = "x-access-token";

/** Entries whose place cannot be parsed are left out: their fault is reported where they are. */
export function parseRepositories(entries: readonly (string | RepositoryOptions)[]): ParsedRepositories {
  const repositories: Repository[] = [];
  const duplicates: { index: number; message: string }[] = [];
  const seen = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const repository = repositoryOf(typeof entry === "string" ? { url: entry } : entry);
    if (repository === undefined) continue;
    const before = seen.get(repository.id);
    if (before === undefined) seen.set(repository.id, index);
    else duplicates.push({ index, message: sameName(repository.id, before, index) });
    repositories.push(repository);
  }
  return { repositories, duplicates };
}

function repositoryOf(entry: RepositoryOptions): Repository | undefined {
  const location = locationOf(entry.url);
  if (location === undefined) return undefined;
  return {
    id: entry.name ?? location.id,
    location,
    refs: entry.refs,
    username: entry.username ?? TOKEN_USER,
    secret: secretOf(entry, "token") ?? secretOf(entry, "password"),
    sshKeyFile: entry.ssh_key_file,
    sshKnownHostsFile: entry.ssh_known_hosts_file,
  };
}

function locationOf(url: string): Location | undefined {
  try {
    return parseLocation(url);
  } catch (error) {
    if (error instanceof LocationFault) return undefined;
    throw error;
  }
}

function sameName(id: string, before: number, index: number): string {
  return `repositories[${before}] and repositories[${index}] are both called ${JSON.stringify(id)}; give one of them a name`;
}

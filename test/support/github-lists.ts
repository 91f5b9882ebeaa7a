import type { GithubBackup } from "./github-backup.ts";
import { addRepository } from "./github-organization.ts";
import { type GithubServer, type Json, startGithub } from "./github-server.ts";

/** A list that takes more requests than an hour has. */
export interface World {
  readonly kind: string;
  /** How it is read. */
  readonly how: string;
  /** Of the list, below the repository. */
  readonly list: string;
  readonly issues?: number;
  readonly pulls?: number;
  readonly perHour: number;
  /** Pages end here. */
  readonly lastPage?: number;
}

export const WORLDS: readonly World[] = [
  { kind: "labels", how: "a list", list: "labels", perHour: 9 },
  { kind: "issue_comments", how: "in the order of their making", list: "issues/comments", issues: 350, perHour: 9 },
  { kind: "issue_events", how: "newest first", list: "issues/events", issues: 700, perHour: 9 },
  { kind: "issues", how: "in windows", list: "issues", issues: 700, perHour: 9, lastPage: 2 },
  { kind: "issue_events", how: "issue by issue", list: "issues/events", issues: 240, perHour: 110, lastPage: 2 },
  { kind: "pulls", how: "one by one", list: "pulls", issues: 0, pulls: 240, perHour: 110, lastPage: 2 },
];

export const listOf = (server: GithubServer, path: string): Json[] => server.lists.get(path) ?? [];

export async function aWorld({
  list,
  issues = 3,
  pulls = 0,
  lastPage,
}: Pick<World, "list" | "issues" | "pulls" | "lastPage">) {
  const server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues, pulls });
  if (list === "labels")
    server.lists.set(
      `${path}/labels`,
      Array.from({ length: 690 }, (_, n) => ({ id: n + 1, name: `label-${n}`, color: "ff0000" })),
    );
  for (const event of listOf(server, `${path}/issues/events`))
    server.lists.set(`${path}/issues/${Number(event.id) - 42_000}/events`, [event]);
  for (const pull of listOf(server, `${path}/pulls`)) server.objects.set(`${path}/pulls/${String(pull.number)}`, pull);
  if (lastPage !== undefined) server.lastPage = lastPage;
  return { server, path: `${path}/${list}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export const ids = (objects: readonly Json[]): readonly number[] =>
  objects.map(({ id }) => Number(id)).toSorted((a, b) => a - b);

export const partsOf = ({ manifest }: { readonly manifest?: GithubBackupManifest }, kind: string) =>
  (manifest?.units[0]?.artifacts ?? []).filter(({ path }) => new RegExp(`/${kind}(-\\d+)?[.]jsonl`).test(path));
type GithubBackupManifest = NonNullable<Awaited<ReturnType<GithubBackup["run"]>>["manifest"]>;

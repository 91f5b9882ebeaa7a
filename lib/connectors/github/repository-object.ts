import * as z from "zod";
import { SourceError } from "../../errors.ts";
import { isObject, type Json } from "./pages.ts";

/** What listing needs of GitHub's repository; the rest of it is passed on as it is. */
const repositorySchema = z.object({
  id: z.int(),
  /** Its name in GraphQL. */
  node_id: z.string().optional(),
  name: z.string().min(1),
  owner: z.object({ login: z.string().min(1) }),
  size: z.number().default(0),
  archived: z.boolean().default(false),
  fork: z.boolean().default(false),
  private: z.boolean().default(false),
  visibility: z.string().optional(),
  /** What the user of the token may do with it, whatever the token's own rights. */
  permissions: z.object({ admin: z.boolean().optional() }).optional(),
  topics: z.array(z.string()).default([]),
});

export interface RepositoryObject extends z.infer<typeof repositorySchema> {
  /** All that GitHub lists of it. */
  readonly listed: Json;
}

/** Servers of old tell no more than whether it is private. */
export const visibilityOf = (repository: Pick<RepositoryObject, "visibility" | "private">): string =>
  repository.visibility ?? (repository.private ? "private" : "public");

/** @throws SourceError `SOURCE_PROTOCOL` */
export function parseRepository(json: unknown): RepositoryObject {
  const parsed = repositorySchema.safeParse(json);
  if (parsed.success && isObject(json)) return { ...parsed.data, listed: json };
  const issue = parsed.error?.issues[0];
  throw new SourceError("SOURCE_PROTOCOL", `GitHub lists a repository without a proper ${issue?.path.join(".")}`);
}

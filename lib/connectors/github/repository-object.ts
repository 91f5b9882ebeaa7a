import * as z from "zod";
import { SourceError } from "../../errors.ts";

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
  topics: z.array(z.string()).default([]),
});

export type RepositoryObject = z.infer<typeof repositorySchema>;

/** @throws SourceError `SOURCE_PROTOCOL` */
export function parseRepository(json: unknown): RepositoryObject {
  const parsed = repositorySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new SourceError("SOURCE_PROTOCOL", `GitHub lists a repository without a proper ${issue?.path.join(".")}`);
}

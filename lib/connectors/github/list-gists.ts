import * as z from "zod";
import { SourceError } from "../../errors.ts";
import type { ChosenKinds } from "./chosen-kinds.ts";
import { isOwnUser } from "./own-user.ts";
import { pages } from "./pages.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

export interface ListedGist {
  readonly id: string;
  readonly owner: string;
}

const gistSchema = z.object({ id: z.string().regex(/^\w+$/), owner: z.object({ login: z.string().min(1) }).nullish() });

/**
 * A user's gists, secret ones too for the user's own token, and on demand those with the user's star. Each once.
 * @throws UnreadableError where they are not shown; SourceError | TransientError
 */
export async function* listGists(chosen: ChosenKinds, session: Session, user: string): AsyncGenerator<ListedGist> {
  const isOwn = await isOwnUser(session, user);
  const seen = new Set<string>();
  const lists = [isOwn ? "/gists?per_page=100" : `/users/${encodeURIComponent(user)}/gists?per_page=100`];
  if (chosen.has("gists_starred")) {
    if (!isOwn)
      throw new UnreadableError("FORBIDDEN", 404, "gists_starred: GitHub shows stars of gists to their own user alone");
    lists.push("/gists/starred?per_page=100");
  }
  for (const path of lists) {
    for await (const { items } of pages(session, path, { absent: "FORBIDDEN" })) {
      for (const item of items) {
        const parsed = gistSchema.safeParse(item);
        if (!parsed.success) throw new SourceError("SOURCE_PROTOCOL", "GitHub lists a gist without a proper id");
        const { id, owner } = parsed.data;
        if (seen.has(id)) continue;
        seen.add(id);
        // Gists of users who are gone have no owner.
        yield { id, owner: owner?.login ?? user };
      }
    }
  }
}

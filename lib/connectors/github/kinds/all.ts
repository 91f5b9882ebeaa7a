import { actionsKinds } from "./actions.ts";
import { discussionKinds } from "./discussions.ts";
import { gistKinds } from "./gists.ts";
import { issueKinds } from "./issues.ts";
import type { Kind } from "./kind.ts";
import { organizationKinds } from "./organization.ts";
import { pullKinds } from "./pulls.ts";
import { releaseKinds } from "./releases.ts";
import { repositoryKinds } from "./repository.ts";
import { securityKinds } from "./security.ts";
import { userKinds } from "./user.ts";

/** Every kind of metadata, in the order in which it is read: what hangs on a parent may rely on its parent's place. */
export const kinds: readonly Kind[] = [
  ...repositoryKinds,
  ...actionsKinds,
  ...issueKinds,
  ...pullKinds,
  ...discussionKinds,
  ...releaseKinds,
  ...securityKinds,
  ...organizationKinds,
  ...userKinds,
  ...gistKinds,
];

import type { Json } from "../pages.ts";
import { counted } from "./counted.ts";
import type { Kind } from "./kind.ts";

/** Of what people react to the API gives the numbers with the object itself. Who reacted is a kind of its own, and a request for each object that has any. */
export function reactionsTo(to: {
  readonly name: string;
  /** For people: `issue`. */
  readonly what: string;
  readonly parent: string;
  readonly permission: string;
  /** Below the repository, with the one parameter that `field` stands for. */
  readonly path: string;
  readonly field?: string;
  readonly off?: (repository: Json) => boolean;
}): Kind {
  const { name, what, parent, permission, path, field = "id", off } = to;
  return {
    name,
    subject: "repository",
    what: `Who reacted to each ${what}. One request for each that has any`,
    permission,
    scope: "repo",
    byDefault: false,
    ...(off === undefined ? {} : { off }),
    reading: {
      how: "changed",
      parent,
      field,
      drifts: true,
      child: {
        path: `/repos/{owner}/{repo}/${path}/reactions?per_page=100`,
        param: /\{(\w+)\}/.exec(path)?.[1] ?? "",
        when: (object) => counted(object, "reactions", "total_count") !== 0,
      },
    },
  };
}

import type { ChosenKinds } from "./chosen-kinds.ts";
import type { GithubOptions } from "./options.ts";
import type { Scope } from "./scope.ts";
import type { Api } from "./session.ts";

/** What a job of `service: github` works with. */
export interface Github {
  readonly options: GithubOptions;
  readonly chosen: ChosenKinds;
  readonly scope: Scope;
  readonly api: Api;
  /** Where repositories are cloned from. */
  readonly webUrl: string;
  /** For what GitHub says and we store in our own words: it may quote a header. */
  readonly redact: (text: string) => string;
}

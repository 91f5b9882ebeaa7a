import { SourceError } from "../errors.ts";

export function shallow(): SourceError {
  return new SourceError(
    "SOURCE_SHALLOW",
    "the repository is a shallow clone and lacks its older history; complete it with `git fetch --unshallow`, or name the repository that it was cloned from",
  );
}

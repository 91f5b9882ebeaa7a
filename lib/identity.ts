/**
 * A unit that is one part of something has the whole's identity, a slash and the part's name: `repository:42/git`. What was one unit and
 * becomes several finds its last snapshot that way. Undefined for what is no part.
 */
export function wholeOf(identity: string | undefined): string | undefined {
  const end = identity?.lastIndexOf("/") ?? -1;
  return end <= 0 ? undefined : identity?.slice(0, end);
}

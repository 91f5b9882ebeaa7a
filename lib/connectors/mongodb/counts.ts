import type { ArchivedNamespaceFacts } from "./archive-facts.ts";

/** A collection of which nothing came, while the server says before and after that it holds something. */
export function countFault(db: string, collections: readonly ArchivedNamespaceFacts[]): string | undefined {
  const lost = collections.find(
    ({ documents, counted }) => documents === 0 && counted !== undefined && Math.min(...counted) > 0,
  );
  return lost === undefined
    ? undefined
    : `no document came of ${db}.${lost.name}, of which the server counts ${Math.min(...(lost.counted ?? []))}`;
}

/**
 * Collections of which fewer documents came than the server counts before and after, or others though it counted the same
 * both times. Its books may be wrong after a crash and in a sharded cluster, so this is no failure.
 */
export function countWarning(db: string, collections: readonly ArchivedNamespaceFacts[]): string | undefined {
  const differing = collections.filter(
    ({ documents, counted }) =>
      counted !== undefined &&
      (documents < Math.min(...counted) || (counted[0] === counted[1] && counted[0] !== documents)),
  );
  if (differing.length === 0) return undefined;
  const shown = differing
    .slice(0, 5)
    .map(
      ({ name, documents, counted }) => `${db}.${name}: ${documents} came, ${Math.min(...(counted ?? []))} are counted`,
    );
  const more = differing.length > shown.length ? `, and ${differing.length - shown.length} collections more` : "";
  return `the server's own count differs from what was read (its books may be wrong after an unclean shutdown, and in a sharded cluster): ${shown.join("; ")}${more}`;
}

import { isObject } from "./pages.ts";

/**
 * About how many bytes the files of a repository's releases have, by what GraphQL tells of the newest ones: those that it counts and does not show
 * are taken to be as large as those that it shows. Undefined where it tells nothing.
 */
export function assetBytes(releases: unknown): number | undefined {
  return estimated(releases, (release) => estimated(isObject(release) ? release.releaseAssets : undefined, sizeOf));
}

function estimated(list: unknown, bytesOf: (node: unknown) => number | undefined): number | undefined {
  if (!isObject(list) || typeof list.totalCount !== "number" || !Array.isArray(list.nodes)) return undefined;
  const known = list.nodes.map(bytesOf).filter((bytes) => bytes !== undefined);
  if (known.length === 0) return list.totalCount === 0 ? 0 : undefined;
  return (known.reduce((sum, bytes) => sum + bytes, 0) / known.length) * list.totalCount;
}

const sizeOf = (asset: unknown): number | undefined =>
  isObject(asset) && typeof asset.size === "number" ? asset.size : undefined;

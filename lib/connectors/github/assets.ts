import * as z from "zod";
import { SourceError } from "../../errors.ts";
import { fileName } from "../../keys.ts";
import type { Facts, Item } from "../connector.ts";
import { downloaded } from "./download.ts";
import { fileItem } from "./file-item.ts";
import { fileTries } from "./file-tries.ts";
import { isObject, type Json } from "./pages.ts";
import { filePatience } from "./patience.ts";
import { filled } from "./reading.ts";
import { stillStored } from "./still-stored.ts";
import type { SubjectWork } from "./subject-work.ts";

const assetSchema = z.object({
  id: z.int(),
  name: z.string(),
  size: z.int().nonnegative(),
  state: z.string(),
  updated_at: z.string(),
  /** Given since 2025: `sha256:…`. */
  digest: z.string().nullish(),
});

export type Asset = z.infer<typeof assetSchema> & { readonly release: string };

/**
 * The assets of one release. One that was never uploaded to its end has no bytes to be had; releases.jsonl names it.
 * @throws SourceError `SOURCE_PROTOCOL`
 */
export function assetsOf(release: Json): readonly Asset[] {
  const parsed = z.object({ tag_name: z.string(), assets: z.array(assetSchema).default([]) }).safeParse(release);
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join(", ");
    throw new SourceError(
      "SOURCE_PROTOCOL",
      `the files of release ${String(release.tag_name)} cannot be read (${why})`,
    );
  }
  const { tag_name: tag, assets } = parsed.data;
  return assets.filter(({ state }) => state === "uploaded").map((asset) => ({ ...asset, release: tag }));
}

/** A release with nothing but what `assetsOf` looks at. */
export function filesOf({ tag_name, assets }: Json): Json {
  const fields = Object.keys(assetSchema.shape);
  const one = (asset: unknown) =>
    isObject(asset) ? Object.fromEntries(fields.map((field) => [field, asset[field]])) : asset;
  return { tag_name, assets: Array.isArray(assets) ? assets.map(one) : assets };
}

/** Files of releases, each an artifact. One that is as it was is taken over from the last snapshot. */
export async function* assetItems(work: SubjectWork, assets: Iterable<Asset>): AsyncGenerator<Item> {
  const tries = fileTries(filePatience(work));
  let some = false;
  for (const asset of assets) {
    some = true;
    try {
      yield* tries.item(assetItem(work, asset));
    } catch (error) {
      work.failures.add("assets", error);
    }
  }
  // A release may have failed before, as it was listed.
  if (!work.failures.reasons().has("assets")) work.states.set("assets", { state: some ? "READ" : "EMPTY" });
}

function assetItem({ session, params, previous }: SubjectWork, asset: Asset): Item {
  const { id, release, size, digest, updated_at: updatedAt } = asset;
  const name = fileName(`asset-${id}-${asset.name}`, ".bin");
  const sha256 = /^sha256:([0-9a-f]{64})$/.exec(digest ?? "")?.[1];
  const isSame = (before: Facts): boolean =>
    before.bytes === size && before.updatedAt === updatedAt && (sha256 === undefined || sha256 === before.sha256);
  const url =
    session.api.url + filled("/repos/{owner}/{repo}/releases/assets/{asset_id}", { ...params, asset_id: String(id) });
  const what = `the asset ${asset.name} of ${release}`;
  return fileItem({
    name,
    what,
    bytes: size,
    sha256,
    facts: { asset: id, name: asset.name, release, updatedAt, digest: digest ?? null },
    unchanged: stillStored(previous, name, isSame),
    open: () => downloaded({ url, headers: {}, ask: session.file, what, signal: session.signal }),
  });
}

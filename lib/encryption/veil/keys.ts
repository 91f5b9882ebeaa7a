import { snapshotOfFolders } from "../../keys.ts";
import { checkKey } from "../../storage/key.ts";
import { VEILED_FOLDER, veiledNames } from "./names.ts";

export interface Place {
  /** The snapshot's folder, ending in `/`. */
  readonly folder: string;
  /** Relative to it; empty for the folder itself. */
  readonly path: string;
}

/** Where a key, or a prefix of keys, lies within a snapshot; undefined for what lies outside of any. */
export function placeOf(key: string): Place | undefined {
  const [, folder = "", day = "", time = "", path = ""] = /^([^/]+\/([^/]+)\/([^/]+)\/)(.*)$/s.exec(key) ?? [];
  return snapshotOfFolders(day, time) === undefined ? undefined : { folder, path };
}

/** Beside the snapshots of a job: what was told of it, which may name what it holds. */
const TOLD = /^[^/]+\/\.told\.json$/;

/** Plans, records, the manifest, what was verified, what was told. */
export function isSealedDocument(key: string): boolean {
  const path = placeOf(key)?.path ?? "";
  return TOLD.test(key) || path === "manifest.json" || path === "verified.json" || path.startsWith(".run/");
}

/** What was made with another key, or by others, is shown below this: no unit's folder begins with a dot. */
const UNKNOWN = ".veiled/";

/** Between the keys that the steps know and those that are stored. */
export function veiledKeys(key: Uint8Array) {
  const names = veiledNames(key);
  const veiledPath = (real: string, path: string): string => names.veil(placeOf(real)?.folder ?? "", path);

  function storedKey(real: string): string {
    const place = placeOf(real);
    if (place === undefined) return real;
    if (place.path.startsWith(UNKNOWN)) return place.folder + place.path.slice(UNKNOWN.length);
    if (!isArtifact(place.path)) return real;
    checkKey(real);
    return place.folder + veiledPath(real, place.path);
  }

  return {
    storedKey,
    /** Where it may lie: veiled first, then as it lay before names were veiled. */
    storedKeys: (real: string): readonly string[] => [...new Set([storedKey(real), withoutUnknown(real)])],
    realKey(stored: string): string {
      const place = placeOf(stored);
      if (place === undefined || !place.path.startsWith(VEILED_FOLDER)) return stored;
      return place.folder + (names.unveil(place.folder, place.path) ?? UNKNOWN + place.path);
    },
    /** Names below a part of a snapshot's folder can be anywhere in it, but for records. */
    storedPrefix(real: string): string {
      const place = placeOf(real);
      return place === undefined || place.path.startsWith(".run/") ? real : place.folder;
    },
    veiledPath,
    realPath: (real: string, name: string): string => names.unveil(placeOf(real)?.folder ?? "", name) ?? name,
  };
}

/** Every artifact lies in its unit's folder; what lies beside those is ours. */
const isArtifact = (path: string): boolean => path.includes("/") && !path.startsWith(".");

function withoutUnknown(real: string): string {
  const place = placeOf(real);
  return place?.path.startsWith(UNKNOWN) === true ? place.folder + place.path.slice(UNKNOWN.length) : real;
}

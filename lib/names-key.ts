import { ConfigError } from "./errors.ts";
import { removalsKey } from "./keys.ts";
import { pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * A run with another names_key than the one before would take nothing over from it, keep all of it, and make a snapshot that whoever
 * puts the key right cannot open. A newest manifest that is damaged is no other key, and is not refused.
 * @throws ConfigError when the newest snapshot is sealed with a key that is not at hand
 */
export async function refuseOtherKey(storage: Storage, job: string, now: Date): Promise<void> {
  const sealed: string[] = [];
  let opened: string | undefined;
  for await (const { snapshot, fault } of pastSnapshots(storage, job, now)) {
    if (fault?.code === "SEALED") {
      sealed.push(snapshot);
      continue;
    }
    if (sealed.length === 0) return;
    if (fault !== undefined) continue;
    opened = snapshot;
    break;
  }
  const [newest] = sealed;
  if (newest === undefined) return;
  throw new ConfigError(
    `job ${job}: the newest snapshot ${newest} was sealed with another names_key than the one under encryption, or there is none now. ` +
      `Give the key that it was made with; ${opened === undefined ? BEGIN_ANEW : withoutSealed(job, sealed, opened)}`,
  );
}

const BEGIN_ANEW = "to begin anew with another one, give the job another name or move its folder away";

/** Who had mistyped the key then, and has the right one now, need not give up what is older. */
function withoutSealed(job: string, sealed: readonly string[], opened: string): string {
  const those = sealed.length === 1 ? `the folder of ${sealed[0]}` : `the folders of the ${sealed.length} newest`;
  const ids = sealed.length === 1 ? "its id" : "their ids";
  return `if that key was a mistake, move ${those} out of the job's folder (${opened} before it opens), and put ${ids} into removed of ${removalsKey(job)}`;
}

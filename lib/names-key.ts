import { ConfigError } from "./errors.ts";
import { pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * A run with another names_key than the one before would take nothing over from it, keep all of it, and make a snapshot that whoever
 * puts the key right cannot open. A newest manifest that is damaged is no other key, and is not refused.
 * @throws ConfigError when the newest snapshot is sealed with a key that is not at hand
 */
export async function refuseOtherKey(storage: Storage, job: string, now: Date): Promise<void> {
  for await (const { snapshot, fault } of pastSnapshots(storage, job, now)) {
    if (fault?.code !== "SEALED") return;
    throw new ConfigError(
      `job ${job}: the newest snapshot ${snapshot} was sealed with another names_key than the one under encryption, or there is none now. ` +
        "Give the key that it was made with; to begin anew with another one, give the job another name or move its folder away",
    );
  }
}

import { GetObjectLegalHoldCommand, GetObjectRetentionCommand } from "@aws-sdk/client-s3";
import { NotFoundError, StorageError } from "../../errors.ts";
import { isForbidden } from "./head.ts";
import { at, patiently, type S3Store } from "./store.ts";

/**
 * Whether these credentials may see what locks an object, tried on one that has no lock. Who may not can still back up: prune
 * alone goes by it, and AWS leaves out of its answers what one may not read, so that prune could not say it.
 */
export async function trySeeingLocks(store: S3Store, key: string): Promise<void> {
  const asked = at(store, key);
  const asks = [
    {
      right: "s3:GetObjectRetention",
      blind: "prune removes no snapshot, since each counts as locked",
      ask: (options: Options) => store.client.send(new GetObjectRetentionCommand(asked), options),
    },
    {
      right: "s3:GetObjectLegalHold",
      blind: "prune does not see a legal hold, and removes what is under one",
      ask: (options: Options) => store.client.send(new GetObjectLegalHoldCommand(asked), options),
    },
  ];
  for (const { right, blind, ask } of asks) {
    if (await isAllowed(store, right, ask)) continue;
    store.log.warn(`these credentials lack the right ${right}: with them ${blind}`, { storage: store.name });
  }
}

type Options = Parameters<Parameters<typeof patiently>[2]>[0];

async function isAllowed(store: S3Store, right: string, ask: (options: Options) => Promise<unknown>): Promise<boolean> {
  try {
    await patiently(store, { what: "trying to see locks", needs: [right] }, ask);
    return true;
  } catch (error) {
    // That it has no lock, that another process has removed it, or that the store does not know the question, is no refusal.
    if (error instanceof StorageError || error instanceof NotFoundError) return !isForbidden(error);
    throw error;
  }
}

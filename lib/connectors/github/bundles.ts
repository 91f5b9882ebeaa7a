import { SourceError } from "../../errors.ts";
import { type Conversation, openConversation } from "../../git/conversation.ts";
import { bundleItem, holds } from "../../git/item.ts";
import { parseLocation } from "../../git/location.ts";
import { fingerprintOf, isEmpty } from "../../git/refs.ts";
import type { Item } from "../connector.ts";
import { authorized } from "./authorized.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import type { Session } from "./session.ts";
import { stillStored } from "./still-stored.ts";
import { unchangedItem } from "./unchanged-item.ts";
import type { Barrier } from "./unreadable.ts";

export interface BundleSource {
  /** `repository` or `wiki`. */
  readonly name: string;
  readonly url: string;
  readonly session: Session;
  readonly previous: Pick<PreviousSubject, "unit" | "salvage">;
}

/** What there is at a URL: nothing yet, something that we may not have, or a bundle. */
export type BundleResult =
  | { readonly state: "EMPTY" | Barrier; readonly reason?: string }
  | { readonly state: "READ"; readonly fingerprint: string; readonly item: Item; close(): Promise<void> };

/**
 * Compares refs before anything is transferred. The conversation goes on when the item is opened; the caller closes what was not.
 * @throws SourceError | TransientError
 */
export async function bundleOf(source: BundleSource): Promise<BundleResult> {
  const converse = async () =>
    authorized(source.session, (authorization) =>
      openConversation(
        { location: parseLocation(source.url), refs: undefined, sshKeyFile: undefined, sshKnownHostsFile: undefined },
        { authorization, signal: source.session.signal },
      ),
    );
  let begun: Conversation | undefined = await converse();
  const close = async () => {
    await begun?.close();
    begun = undefined;
  };
  if (isEmpty(begun.listing)) {
    await close();
    return { state: "EMPTY" };
  }
  const fingerprint = fingerprintOf(begun.listing, undefined);
  // By what the manifest says of it: the bundle itself may be sealed to us.
  const { listing } = begun;
  const unchanged = stillStored(source.previous, `${source.name}.bundle`, (facts) => holds(facts, listing));
  const item = bundleItem(async () => {
    const conversation = begun ?? (await converse());
    begun = undefined;
    return conversation;
  }, source.name);
  if (unchanged === false) return { state: "READ", fingerprint, item, close };
  await close();
  return { state: "READ", fingerprint, item: unchangedItem(item, unchanged), close };
}

/** A wiki that was never written to is not there at all, whatever the repository says. */
export async function wikiOf(source: BundleSource): Promise<BundleResult> {
  try {
    return await bundleOf(source);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (error.code === "SOURCE_NOT_FOUND") return { state: "EMPTY", reason: "no page was ever written" };
    if (error.code === "SOURCE_FORBIDDEN") return { state: "FORBIDDEN", reason: error.message };
    throw error;
  }
}

import type { Bytes } from "../bytes.ts";
import type { Facts, Item } from "../connectors/connector.ts";
import { bundleBytes } from "./bundle.ts";
import type { Conversation } from "./conversation.ts";
import { type Listing, readable, refsDigest } from "./refs.ts";

/** `name.bundle`: the bundle of whatever conversation `converse` gives, which is closed in every case. */
export function bundleItem(converse: () => Promise<Conversation>, name = "repository"): Item {
  let facts: Facts | undefined;

  async function* open(): Bytes {
    facts = undefined;
    const conversation = await converse();
    try {
      let objects = 0;
      const { listing } = conversation;
      yield* bundleBytes(listing, conversation.pack(), (count) => {
        objects = count;
      });
      facts = factsOf(listing, objects);
    } finally {
      await conversation.close();
    }
  }

  return {
    name: `${name}.bundle`,
    contentType: "application/x-git-bundle",
    compress: false,
    restore: `git clone --mirror {} ${name}.git`,
    open,
    facts() {
      if (facts === undefined) throw new Error("a bundle was asked for its facts before its last byte");
      return facts;
    },
  };
}

/** Whether a bundle with these facts holds what a server lists now: the same tips under the same names, HEAD included. */
export function holds(facts: Facts | undefined, listing: Listing): boolean {
  if (facts === undefined) return false;
  return Object.entries(refsFacts(listing)).every(([name, value]) => facts[name] === value);
}

const factsOf = (listing: Listing, objects: number): Facts => ({ ...refsFacts(listing), objects });

function refsFacts({ refs, head, objectFormat }: Listing): Facts {
  return {
    refs: refs.length,
    refsSha256: refsDigest(refs),
    // A detached HEAD is the id of its commit.
    head: head.target === undefined ? (head.oid ?? null) : readable(head.target),
    objectFormat,
  };
}

import { openConversation } from "../../git/conversation.ts";
import { parseLocation } from "../../git/location.ts";
import { fingerprintOf, isEmpty } from "../../git/refs.ts";
import { retry } from "../../retry.ts";
import type { Item } from "../connector.ts";
import { authorized } from "./authorized.ts";
import { kindItem } from "./kind-item.ts";
import { LFS, lfsBefore } from "./lfs-before.ts";
import { lfsObjectItems } from "./lfs-objects.ts";
import { lfsPointers } from "./lfs-pointers.ts";
import { patience } from "./patience.ts";
import type { SubjectWork } from "./subject-work.ts";
import { unchangedItem } from "./unchanged-item.ts";

/**
 * LFS objects of all refs, each an artifact that is stored once and taken over for as long as something points at it. What the server lacked is
 * asked for in each run: somebody may have pushed it since.
 */
export async function* lfsItems(work: SubjectWork, cloneUrl: string): AsyncGenerator<Item> {
  const { previous, states, failures } = work;
  try {
    const before = await lfsBefore(previous);
    const found = await retry(() => pointersOf(work, cloneUrl, before?.state.newest), patience(work));
    const pointers = found.pointers ?? [...(before?.objects.values() ?? [])].map(({ oid, size }) => ({ oid, size }));
    if (pointers.length === 0) {
      states.set("lfs", { state: "EMPTY", newest: found.fingerprint });
      return;
    }
    const lines = yield* lfsObjectItems(work, cloneUrl, pointers, before);
    const item = kindItem(LFS, async function* () {
      yield* lines;
    });
    const isSame =
      found.pointers === undefined && lines.every(({ key, json }) => before?.objects.get(key)?.state === json.state);
    yield isSame ? unchangedItem(item) : item;
    if (!lines.some(({ json }) => json.state === "FAILED"))
      states.set("lfs", { state: "READ", newest: found.fingerprint });
  } catch (error) {
    failures.add("lfs", error);
  }
}

/** Undefined where the refs are those of last time. */
async function pointersOf({ session, states, context: { signal } }: SubjectWork, cloneUrl: string, known: unknown) {
  // The refs were listed a moment ago, for the bundle.
  const listed = states.get("git");
  if (listed?.state === "EMPTY") return { fingerprint: undefined, pointers: [] };
  if (listed?.newest !== undefined && listed.newest === known)
    return { fingerprint: listed.newest, pointers: undefined };
  const remote = {
    location: parseLocation(cloneUrl),
    refs: undefined,
    sshKeyFile: undefined,
    sshKnownHostsFile: undefined,
  };
  const conversation = await authorized(session, (authorization) =>
    openConversation(remote, { authorization, signal }),
  );
  try {
    const fingerprint = fingerprintOf(conversation.listing, undefined);
    if (fingerprint === known) return { fingerprint, pointers: undefined };
    return { fingerprint, pointers: isEmpty(conversation.listing) ? [] : await lfsPointers(conversation, signal) };
  } finally {
    await conversation.close();
  }
}

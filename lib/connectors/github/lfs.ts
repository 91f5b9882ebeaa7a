import { SourceError } from "../../errors.ts";
import { openConversation } from "../../git/conversation.ts";
import { parseLocation } from "../../git/location.ts";
import { fingerprintOf, isEmpty } from "../../git/refs.ts";
import { retry } from "../../retry.ts";
import type { Item } from "../connector.ts";
import { authorized } from "./authorized.ts";
import { downloaded } from "./download.ts";
import { fileItem } from "./file-item.ts";
import { fileTries } from "./file-tries.ts";
import { kindItem } from "./kind-item.ts";
import { isMissing, type LfsPlace, lfsPlaces, placeFault } from "./lfs-batch.ts";
import { LFS, type LfsBefore, lfsBefore } from "./lfs-before.ts";
import { type LfsPointer, lfsPointers } from "./lfs-pointers.ts";
import type { Line } from "./lines.ts";
import { patience } from "./patience.ts";
import { stillStored } from "./still-stored.ts";
import type { SubjectWork } from "./subject-work.ts";
import { unchangedItem } from "./unchanged-item.ts";

const BATCH = 100;

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
    const lines = yield* objectItems(work, cloneUrl, pointers, before);
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

/** Answers a line for each object. */
async function* objectItems(
  work: SubjectWork,
  cloneUrl: string,
  pointers: readonly LfsPointer[],
  before: LfsBefore | undefined,
): AsyncGenerator<Item, readonly Line[]> {
  const lines: Line[] = [];
  const tries = fileTries(patience(work));
  const told = (pointer: LfsPointer, state: string, message?: string) =>
    lines.push({ key: pointer.oid, json: { ...pointer, state, ...(message === undefined ? {} : { message }) } });
  /** One that could not be had leaves the others alone. */
  const failed = (some: readonly LfsPointer[], error: unknown) => {
    work.failures.add("lfs", error);
    const message = work.redact(error instanceof Error ? error.message : String(error));
    for (const pointer of some) told(pointer, "FAILED", message);
  };
  async function* storing(pointer: LfsPointer, place: LfsPlace | undefined): AsyncGenerator<Item> {
    try {
      yield* tries.item(objectItem(work, cloneUrl, pointer, place));
      told(pointer, "STORED");
    } catch (error) {
      failed([pointer], error);
    }
  }
  let isRefused = false;
  for (let from = 0; from < pointers.length; from += BATCH) {
    const some = pointers.slice(from, from + BATCH);
    const held = some.filter((pointer) => stillStored(work.previous, nameOf(pointer)) !== false);
    for (const pointer of held) yield* storing(pointer, undefined);
    const wanted = some.filter((pointer) => !held.includes(pointer));
    if (wanted.length === 0) continue;
    // A quota that is used up is so for all of them.
    if (isRefused) {
      for (const pointer of wanted) told(pointer, "FAILED", "not asked for, since others were refused");
      continue;
    }
    let places: readonly LfsPlace[];
    try {
      places = await retry(() => lfsPlaces(cloneUrl, work.session, wanted), patience(work));
    } catch (error) {
      failed(wanted, error);
      isRefused = true;
      continue;
    }
    for (const [n, pointer] of wanted.entries()) {
      const place = places[n];
      if (place !== undefined && isMissing(place)) {
        // What was stored once, and can be taken over from nowhere any more, is lost: no object that never was there.
        const lostIn =
          before?.objects.get(pointer.oid)?.state === "STORED" ? work.previous.snapshot : unusableIn(work, pointer);
        if (lostIn !== undefined) failed([pointer], lostObject(pointer, lostIn));
        else told(pointer, "MISSING", place.message);
      } else yield* storing(pointer, place);
    }
  }
  const count = (state: string) => lines.filter(({ json }) => json.state === state).length;
  work.lfs = { stored: count("STORED"), missing: count("MISSING") };
  if (work.lfs.missing > 0) {
    work.context.warn({
      code: "GITHUB_LFS_MISSING",
      message: `${work.lfs.missing} of ${lines.length} LFS objects are not at the server; lfs.jsonl names them`,
    });
  }
  return lines;
}

/** The snapshot that has it damaged, or encrypted otherwise than now. */
const unusableIn = ({ previous: { unit, salvage } }: SubjectWork, pointer: LfsPointer): string | undefined =>
  [unit, salvage].find((one) => one?.unusable?.has(nameOf(pointer)))?.snapshot;

const lostObject = ({ oid }: LfsPointer, snapshot: string): SourceError =>
  new SourceError(
    "SOURCE_NOT_FOUND",
    `the server does not have the LFS object ${oid} any more, and its copy in snapshot ${snapshot} cannot be used; push it again (git lfs push --object-id) from a clone that has it, or run once with lfs in skip, after which it counts as one that was never there`,
  );

const nameOf = ({ oid }: LfsPointer): string => `lfs-${oid}.bin`;

/** Its name is its digest, so what is stored under it is what it is. */
function objectItem(
  { session, previous, context: { signal } }: SubjectWork,
  cloneUrl: string,
  pointer: LfsPointer,
  place: LfsPlace | undefined,
): Item {
  const { oid, size } = pointer;
  const what = `the LFS object ${oid}`;
  // A second reading asks anew: places are good for minutes.
  let known = place;
  return fileItem({
    name: nameOf(pointer),
    what,
    bytes: size,
    sha256: oid,
    // Whoever pushes a pointer writes its size, to which nobody holds the object.
    isByDigest: true,
    facts: { lfs: oid },
    unchanged: stillStored(previous, nameOf(pointer)),
    async *open() {
      const [at] = known === undefined ? await lfsPlaces(cloneUrl, session, [pointer]) : [known];
      known = undefined;
      if (at === undefined) throw new SourceError("SOURCE_PROTOCOL", `the LFS batch API does not speak of ${what}`);
      if ("code" in at) throw placeFault(at, what);
      yield* downloaded({ url: at.url, headers: at.headers, what, signal });
    },
  });
}

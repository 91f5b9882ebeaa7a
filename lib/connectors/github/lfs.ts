import { SourceError } from "../../errors.ts";
import { openConversation } from "../../git/conversation.ts";
import { parseLocation } from "../../git/location.ts";
import { fingerprintOf, isEmpty } from "../../git/refs.ts";
import { retry } from "../../retry.ts";
import type { Item } from "../connector.ts";
import { authorized } from "./authorized.ts";
import { unchangedItem } from "./bundles.ts";
import { downloaded } from "./download.ts";
import { fileItem, tried } from "./file-item.ts";
import { kindItem } from "./kind-item.ts";
import { isMissing, type LfsPlace, lfsPlaces, placeFault } from "./lfs-batch.ts";
import { type LfsPointer, lfsPointers } from "./lfs-pointers.ts";
import type { Line } from "./lines.ts";
import { patience } from "./patience.ts";
import { sealedObjects, sealedState } from "./sealed-lfs.ts";
import type { SubjectWork } from "./subject-work.ts";

/** `lfs.jsonl`: each object that any ref points at, and whether it is stored. */
const LFS = { name: "lfs", reading: { how: "list", path: "" }, key: "oid" } as const;
const BATCH = 100;

/** LFS objects of all refs, each an artifact that is stored once and taken over for as long as something points at it. */
export async function* lfsItems(work: SubjectWork, cloneUrl: string): AsyncGenerator<Item> {
  const { previous, states, failures } = work;
  const before = previous.stateOf("lfs", "lfs.jsonl") ?? sealedState(previous);
  try {
    const { fingerprint, pointers } = await retry(() => pointersOf(work, cloneUrl, before?.newest), patience(work));
    if (pointers === undefined) {
      if (before?.state === "READ") yield* unchangedObjects(work, cloneUrl);
      states.set("lfs", before ?? { state: "EMPTY", newest: fingerprint });
      return;
    }
    if (pointers.length === 0) {
      states.set("lfs", { state: "EMPTY", newest: fingerprint });
      return;
    }
    const isWhole = yield* objectItems(work, cloneUrl, pointers);
    if (isWhole) states.set("lfs", { state: "READ", newest: fingerprint });
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

async function* objectItems(
  work: SubjectWork,
  cloneUrl: string,
  pointers: readonly LfsPointer[],
): AsyncGenerator<Item, boolean> {
  const lines: Line[] = [];
  const told = (pointer: LfsPointer, state: string, message?: string) =>
    lines.push({ key: pointer.oid, json: { ...pointer, state, ...(message === undefined ? {} : { message }) } });
  /** One that could not be had leaves the others alone. */
  const failed = (some: readonly LfsPointer[], error: unknown) => {
    work.failures.add("lfs", error);
    const message = work.redact(error instanceof Error ? error.message : String(error));
    for (const pointer of some) told(pointer, "FAILED", message);
  };
  let isRefused = false;
  for (let from = 0; from < pointers.length; from += BATCH) {
    const some = pointers.slice(from, from + BATCH);
    const held = some.filter((pointer) => isStored(work, pointer));
    for (const pointer of held) {
      yield objectItem(work, cloneUrl, pointer, undefined);
      told(pointer, "STORED");
    }
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
        told(pointer, "MISSING", place.message);
        continue;
      }
      try {
        yield* tried(objectItem(work, cloneUrl, pointer, place));
        told(pointer, "STORED");
      } catch (error) {
        failed([pointer], error);
      }
    }
  }
  const missing = lines.filter(({ json }) => json.state === "MISSING").length;
  if (missing > 0) {
    work.context.warn({
      code: "GITHUB_LFS_MISSING",
      message: `${missing} of ${lines.length} LFS objects are not at the server; lfs.jsonl names them`,
    });
  }
  work.lfsObjects = lines.filter(({ json }) => json.state === "STORED").length;
  yield kindItem(LFS, async function* () {
    yield* lines;
  });
  return !lines.some(({ json }) => json.state === "FAILED");
}

async function* unchangedObjects(work: SubjectWork, cloneUrl: string): AsyncGenerator<Item> {
  const read = work.previous.linesOf(LFS);
  for await (const pointer of read === undefined ? sealedObjects(work.previous) : storedObjects(read())) {
    yield objectItem(work, cloneUrl, pointer, undefined);
    work.lfsObjects += 1;
  }
  yield unchangedItem(kindItem(LFS, () => read?.() ?? none()));
}

async function* storedObjects(lines: AsyncIterable<Line>): AsyncGenerator<LfsPointer> {
  for await (const { json } of lines)
    if (json.state === "STORED") yield { oid: String(json.oid), size: Number(json.size) };
}

async function* none(): AsyncGenerator<Line> {}

const nameOf = ({ oid }: LfsPointer): string => `lfs-${oid}.bin`;
const isStored = ({ previous }: SubjectWork, pointer: LfsPointer): boolean =>
  previous.unit?.artifacts.has(nameOf(pointer)) === true;

/** Its name is its digest, so what is stored under it is what it is. */
function objectItem(
  { session, context: { signal } }: SubjectWork,
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
    facts: { lfs: oid },
    unchanged: place === undefined,
    async *open() {
      const [at] = known === undefined ? await lfsPlaces(cloneUrl, session, [pointer]) : [known];
      known = undefined;
      if (at === undefined) throw new SourceError("SOURCE_PROTOCOL", `the LFS batch API does not speak of ${what}`);
      if ("code" in at) throw placeFault(at, what);
      yield* downloaded({ url: at.url, headers: at.headers, what, signal });
    },
  });
}

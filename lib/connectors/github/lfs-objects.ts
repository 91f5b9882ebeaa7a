import { SourceError } from "../../errors.ts";
import { retry } from "../../retry.ts";
import type { Item } from "../connector.ts";
import { downloaded } from "./download.ts";
import { fileItem } from "./file-item.ts";
import { fileTries } from "./file-tries.ts";
import { isMissing, type LfsPlace, lfsPlaces, placeFault } from "./lfs-batch.ts";
import type { LfsBefore } from "./lfs-before.ts";
import type { LfsPointer } from "./lfs-pointers.ts";
import { type LfsServer, namedLfsServer } from "./lfs-server.ts";
import type { Line } from "./lines.ts";
import { filePatience, patience } from "./patience.ts";
import { stillStored } from "./still-stored.ts";
import type { SubjectWork } from "./subject-work.ts";

const BATCH = 100;

/** Each object that is to be had. Answers a line for each, these and the others. */
export async function* lfsObjectItems(
  work: SubjectWork,
  cloneUrl: string,
  pointers: readonly LfsPointer[],
  before: LfsBefore | undefined,
): AsyncGenerator<Item, readonly Line[]> {
  const lines: Line[] = [];
  const tries = fileTries(filePatience(work));
  const told = (pointer: LfsPointer, state: string, message?: string) =>
    lines.push({ key: pointer.oid, json: { ...pointer, state, ...(message === undefined ? {} : { message }) } });
  /** One that could not be had leaves the others alone. */
  const failed = (some: readonly LfsPointer[], error: unknown) => {
    work.failures.add("lfs", error);
    const message = work.redact(error instanceof Error ? error.message : String(error));
    for (const pointer of some) told(pointer, "FAILED", message);
  };
  async function* storing(
    pointer: LfsPointer,
    from: string,
    place: LfsPlace | undefined,
    missing: Map<LfsPointer, string>,
  ): AsyncGenerator<Item> {
    const onMissing = (message: string) => missing.set(pointer, message);
    try {
      yield* tries.item(objectItem(work, { from, pointer, place, onMissing }));
      told(pointer, "STORED");
    } catch (error) {
      if (!missing.has(pointer)) failed([pointer], error);
    }
  }
  /** Answers those that the server does not have, with what it says of each. */
  async function* storingFrom(
    from: string,
    all: readonly LfsPointer[],
  ): AsyncGenerator<Item, ReadonlyMap<LfsPointer, string>> {
    const missing = new Map<LfsPointer, string>();
    let isRefused = false;
    for (let first = 0; first < all.length; first += BATCH) {
      const some = all.slice(first, first + BATCH);
      const held = some.filter((pointer) => stillStored(work.previous, nameOf(pointer)) !== false);
      // One whose copy turns out to be gone is asked for, and can be missing by now.
      for (const pointer of held) yield* storing(pointer, from, undefined, missing);
      const wanted = some.filter((pointer) => !held.includes(pointer));
      if (wanted.length === 0) continue;
      // A quota that is used up is so for all of them.
      if (isRefused) {
        for (const pointer of wanted) told(pointer, "FAILED", "not asked for, since others were refused");
        continue;
      }
      let places: readonly LfsPlace[];
      try {
        places = await retry(() => lfsPlaces(from, work.session, wanted), patience(work));
      } catch (error) {
        failed(wanted, error);
        isRefused = true;
        continue;
      }
      for (const [n, pointer] of wanted.entries()) {
        const place = places[n];
        if (place !== undefined && isMissing(place)) missing.set(pointer, place.message);
        else yield* storing(pointer, from, place, missing);
      }
    }
    return missing;
  }

  let missing = yield* storingFrom(cloneUrl, pointers);
  if (missing.size > 0) {
    const wanted = [...missing.keys()];
    try {
      const named = await retry(() => namedLfsServer(work, cloneUrl), patience(work));
      if (named?.cloneUrl !== undefined) missing = yield* storingFrom(named.cloneUrl, wanted);
      else if (named !== undefined) throw elsewhere(wanted, named);
    } catch (error) {
      failed(wanted, error);
      missing = new Map();
    }
  }
  for (const [pointer, message] of missing) {
    // What was stored once, and can be taken over from nowhere any more, is lost: no object that never was there.
    const lostIn =
      before?.objects.get(pointer.oid)?.state === "STORED" ? work.previous.snapshot : storedIn(work, pointer);
    if (lostIn !== undefined) failed([pointer], lostObject(pointer, lostIn));
    else told(pointer, "MISSING", message);
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

/** The snapshot that has it damaged, encrypted otherwise than now, or by its manifest alone. */
const storedIn = ({ previous: { unit, salvage } }: SubjectWork, pointer: LfsPointer): string | undefined =>
  [unit, salvage].find((one) => one?.unusable?.has(nameOf(pointer)) === true || one?.artifacts.has(nameOf(pointer)))
    ?.snapshot;

const lostObject = ({ oid }: LfsPointer, snapshot: string): SourceError =>
  new SourceError(
    "SOURCE_NOT_FOUND",
    `the server does not have the LFS object ${oid} any more, and its copy in snapshot ${snapshot} cannot be used; push it again (git lfs push --object-id) from a clone that has it, or run once with lfs in skip, after which it counts as one that was never there`,
  );

const elsewhere = ({ length }: readonly LfsPointer[], { host }: LfsServer): SourceError =>
  new SourceError(
    "SOURCE_REDIRECTED",
    `${length} LFS objects are not at GitHub, and .lfsconfig names an LFS server at ${host}, which is not asked: back that one up by itself, and give the repository a job with lfs in skip, or push the objects to GitHub (git lfs push --all)`,
  );

const nameOf = ({ oid }: LfsPointer): string => `lfs-${oid}.bin`;

interface Wanted {
  /** The clone URL of the repository that is asked for it. */
  readonly from: string;
  readonly pointer: LfsPointer;
  /** Undefined where its copy should do, so that it was not asked for yet. */
  readonly place: LfsPlace | undefined;
  /** Hears what the server says of one that was not asked for yet and that it does not have, before that is thrown. */
  readonly onMissing: (message: string) => void;
}

/** Its name is its digest, so what is stored under it is what it is. */
function objectItem(
  { session, previous, context: { signal } }: SubjectWork,
  { from, pointer, place, onMissing }: Wanted,
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
      const [at] = known === undefined ? await lfsPlaces(from, session, [pointer]) : [known];
      known = undefined;
      if (at === undefined) throw new SourceError("SOURCE_PROTOCOL", `the LFS batch API does not speak of ${what}`);
      if (place === undefined && isMissing(at)) onMissing(at.message);
      if ("code" in at) throw placeFault(at, what);
      yield* downloaded({ url: at.url, headers: at.headers, what, signal });
    },
  });
}

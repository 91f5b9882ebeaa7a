import { CodedError, TransientError } from "../../errors.ts";
import type { LfsPointer } from "./lfs-pointers.ts";
import type { LineKind } from "./lines.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import { sealedObjects, sealedState } from "./sealed-lfs.ts";
import type { KindState } from "./state.ts";

/** `lfs.jsonl`: each object that any ref points at, and whether it is stored. */
export const LFS: LineKind = { name: "lfs", reading: { how: "list", path: "" }, key: "oid" };

/** What the last snapshot knows of LFS. */
export interface LfsBefore {
  readonly state: KindState;
  /** What refs pointed at, and what became of each: by object id. */
  readonly objects: ReadonlyMap<string, LfsPointer & { readonly state: unknown }>;
}

/** Undefined where it is not known whole, so that pointers have to be found anew. */
export async function lfsBefore(previous: PreviousSubject): Promise<LfsBefore | undefined> {
  const state = previous.stateOf("lfs", "lfs.jsonl");
  if (state === undefined) {
    const sealed = sealedState(previous);
    const stored = sealedObjects(previous).map((pointer) => [pointer.oid, { ...pointer, state: "STORED" }] as const);
    return sealed === undefined ? undefined : { state: sealed, objects: new Map(stored) };
  }
  const objects = new Map<string, LfsPointer & { readonly state: unknown }>();
  if (state.state !== "READ") return { state, objects };
  try {
    for await (const { key: oid, json } of previous.linesOf(LFS)?.() ?? [])
      objects.set(oid, { oid, size: Number(json.size), state: json.state });
    return objects.size === 0 ? undefined : { state, objects };
  } catch (error) {
    // Lost since, or damaged.
    if (error instanceof CodedError && !(error instanceof TransientError)) return undefined;
    throw error;
  }
}

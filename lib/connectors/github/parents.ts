import type { Child, Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";

/** What a kind tells its children about its objects, as its lines pass. */
export interface Parents {
  /** The lines of `kind` begin, once more perhaps. */
  begin(kind: Kind): void;
  /** A line passes that is new or changed, or is as it was. */
  note(kind: Kind, line: Line, changed: boolean): void;
  deleted(kind: Kind, fields: readonly string[]): void;
  /** For each kind that hangs on this one, what all its objects that passed are asked by. */
  noted(kind: string): Record<string, string[]>;
  /** Takes that for lines that are new and have passed; those that nothing hangs on are in no snapshot that can be read here. */
  restore(kind: Kind, noted: Readonly<Record<string, readonly string[]>>): void;
  /** What seems to be deleted may only be missing from the list. */
  doubt(kind: Kind): void;
  /** Undefined when that kind's lines have not passed. */
  of(parent: string): ParentNotes | undefined;
}

export interface ParentNotes {
  readonly all: Map<string, readonly string[]>;
  readonly changed: Map<string, readonly string[]>;
  /** Fields of changed and of deleted objects, whether or not they have children. */
  readonly outdated: ReadonlySet<string>;
}

interface Notes {
  readonly all: Map<string, string[]>;
  readonly changed: Map<string, string[]>;
  readonly outdated: Set<string>;
  /** Those of `outdated` that are so by having been deleted alone. */
  readonly deleted: Set<string>;
}

/** `kinds` are those that are read: only of their parents anything is remembered, and of those only numbers. */
export function parentsOf(kinds: readonly Kind[]): Parents {
  const notes = new Map<string, Notes>();
  const children = new Map<string, { name: string; field: string; child: Child }[]>();
  for (const { name, reading } of kinds) {
    if (reading.how !== "changed") continue;
    const { field, child, parent } = reading;
    children.set(parent, [...(children.get(parent) ?? []), { name, field, child }]);
  }
  return {
    begin({ name }) {
      if (children.has(name))
        notes.set(name, { all: new Map(), changed: new Map(), outdated: new Set(), deleted: new Set() });
    },
    note({ name }, { json }, changed) {
      const of = notes.get(name);
      if (of === undefined) return;
      for (const {
        name: child,
        field,
        child: { when },
      } of children.get(name) ?? []) {
        const value = String(json[field]);
        if (changed) of.outdated.add(value);
        if (when !== undefined && !when(json)) continue;
        push(of.all, child, value);
        if (changed) push(of.changed, child, value);
      }
    },
    deleted({ name }, fields) {
      const of = notes.get(name);
      for (const field of fields) {
        if (of === undefined || of.outdated.has(field)) continue;
        of.outdated.add(field);
        of.deleted.add(field);
      }
    },
    noted: (name) => Object.fromEntries([...(notes.get(name)?.all ?? [])].map(([child, all]) => [child, [...all]])),
    restore({ name }, noted) {
      const of = notes.get(name);
      for (const [child, fields] of Object.entries(noted))
        for (const field of fields) {
          if (of === undefined) continue;
          push(of.all, child, field);
          push(of.changed, child, field);
          of.outdated.add(field);
        }
    },
    doubt({ name }) {
      const of = notes.get(name);
      for (const field of of?.deleted ?? []) of?.outdated.delete(field);
      of?.deleted.clear();
    },
    of: (parent) => notes.get(parent),
  };
}

function push(lists: Map<string, string[]>, name: string, value: string): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from "yaml";
import type { FaultAt, Path } from "./place.ts";

export interface Places {
  /** Offset of the key (or list entry) at `path`, or of the nearest thing above it that is there. */
  keyAt(path: Path): number;
  /** Offset of the value at `path`; of the nearest key when it has none. */
  valueAt(path: Path): number;
}

export interface ReadNodes extends Places {
  readonly value: unknown;
  readonly faults: readonly FaultAt[];
}

interface Place {
  readonly key: number;
  readonly value: number | undefined;
}

/** Aliases repeat what they name, so a short file can be a huge value. No real configuration comes near these. */
const MAX_VALUES = 100_000;
const MAX_DEPTH = 64;

/** What the nodes of a document mean, and where each of them stands. */
export function readNodes(document: Document.Parsed, lineOf: (offset: number) => number): ReadNodes {
  const faults: FaultAt[] = [];
  const flood: FaultAt[] = [];
  const places = new Map<string, Place>();
  const open = new Set<Node>();
  // Asking the document for each alias would walk it as often.
  const anchors = new Map<string, Node>();
  let inAlias = 0;
  let values = 0;

  const value = read(document.contents, [], 0, 0);
  const isFlood = values > MAX_VALUES;
  // What was not read cannot be judged, so nothing else is said of a file that is too large.
  return { value: isFlood ? undefined : value, faults: isFlood ? flood : faults, ...placesOf(places) };

  function read(node: unknown, path: Path, keyOffset: number, depth: number): unknown {
    if (!isAlias(node)) return readPlain(node as Node | null | undefined, path, keyOffset, offsetOf(node), depth);
    inAlias++;
    const found = readPlain(anchors.get(node.source), path, keyOffset, offsetOf(node), depth);
    inAlias--;
    return found;
  }

  function readPlain(
    found: Node | null | undefined,
    path: Path,
    keyOffset: number,
    offset: number | undefined,
    depth: number,
  ): unknown {
    values++;
    if (values > MAX_VALUES) {
      const message = `holds more than ${MAX_VALUES} values, those that aliases repeat included`;
      if (flood.length === 0) flood.push({ offset: keyOffset, path, message });
      return undefined;
    }
    if (depth > MAX_DEPTH) return say(keyOffset, path, `is nested deeper than ${MAX_DEPTH} levels`);
    places.set(JSON.stringify(path), { key: keyOffset, value: isNothing(found) ? undefined : offset });
    if (found === undefined) return say(offset ?? keyOffset, path, "names an anchor that is not set above it");
    remember(found);
    if (found === null || isScalar(found)) return found?.value ?? null;
    if (open.has(found)) return say(offset ?? keyOffset, path, "an alias cannot stand inside of what it names");
    open.add(found);
    try {
      if (isMap(found)) return readMap(found, path, offset ?? keyOffset, depth);
      if (isSeq(found)) {
        return found.items.map((item, index) => read(item, [...path, index], offsetOf(item) ?? keyOffset, depth + 1));
      }
      return null;
    } finally {
      open.delete(found);
    }
  }

  function readMap(map: YAMLMap, path: Path, mapOffset: number, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    const seen = new Map<string, number>();
    for (const { key, value: node } of map.items) {
      const offset = offsetOf(key) ?? mapOffset;
      remember(key);
      const name = isScalar(key) ? keyName(key) : undefined;
      if (name === undefined) {
        say(offset, path, "a key must be plain text");
        continue;
      }
      const before = seen.get(name);
      if (before !== undefined) say(offset, [...path, name], `duplicate key, the first is on line ${lineOf(before)}`);
      else if (name === "<<") say(offset, [...path, name], "merge keys (<<) are not supported: write the keys out");
      else entries.push([name, read(node, [...path, name], offset, depth + 1)]);
      if (before === undefined) seen.set(name, offset);
    }
    // Makes `__proto__` a key like any other.
    return Object.fromEntries(entries);
  }

  function remember(node: unknown): void {
    if (inAlias === 0 && isNode(node) && "anchor" in node && typeof node.anchor === "string")
      anchors.set(node.anchor, node);
  }

  function say(offset: number, path: Path, message: string): undefined {
    faults.push({ offset, path, message });
    return undefined;
  }
}

/** Of `places` by path. A path that is not there is looked for upwards, the root being the first character. */
export function placesOf(places: ReadonlyMap<string, Place>): Places {
  const nearest = (path: Path) => {
    for (let length = path.length; length > 0; length--) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return { place, isExact: length === path.length };
    }
    return { place: { key: 0, value: undefined }, isExact: true };
  };
  return {
    keyAt: (path) => nearest(path).place.key,
    valueAt(path) {
      const { place, isExact } = nearest(path);
      return isExact ? (place.value ?? place.key) : place.key;
    },
  };
}

/** Numbers and the like are the text that they were written as. */
const keyName = ({ value, source }: Scalar): string | undefined => {
  if (value === null) return undefined;
  return typeof value === "string" ? value : source;
};

const isNothing = (node: Node | null | undefined): boolean => node === null || (isScalar(node) && node.value === null);

function offsetOf(node: unknown): number | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

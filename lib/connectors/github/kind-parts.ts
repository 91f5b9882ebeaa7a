import { randomUUID } from "node:crypto";
import type { Facts, PreviousArtifact } from "../connector.ts";
import type { Kind } from "./kinds/kind.ts";

/**
 * A kind that takes more requests than the source allows in an hour is stored in parts: what was read when we had to wait is one artifact, and what
 * comes after it goes on in another. A part that is not the last one says in its facts how far it is: `through`.
 */
export interface BegunKind {
  /** How many parts there are. */
  readonly parts: readonly PreviousArtifact[];
  /** The parent that was asked about last: its number, or what it is called. Of a list, the place of the page that was read last. */
  readonly through: string | number;
  /** What else the last part's facts say. */
  readonly facts: Facts;
  /** Which reading they are of: parts of two that are joined can leave out what lies between them. Undefined for those that do not say. */
  readonly listing: string | undefined;
  /** When it was begun, where all parents are asked about; undefined where those that changed are. A sweep that is due by now is another night's. */
  readonly sweptAt?: string | undefined;
}

/** `issues.jsonl`, then `issues-2.jsonl`. */
export const partName = ({ name }: Pick<Kind, "name">, part = 1): string =>
  part === 1 ? `${name}.jsonl` : `${name}-${part}.jsonl`;

/** Whether an item of this name is one of the kind's parts. */
export const isPartOf = ({ name }: Pick<Kind, "name">, item: string): boolean =>
  item.startsWith(name) && /^(-\d+)?[.]jsonl$/.test(item.slice(name.length));

const isUnfinished = ({ facts }: { readonly facts: Facts }): boolean => throughOf(facts) !== undefined;

const throughOf = ({ through }: Facts): string | number | undefined =>
  typeof through === "number" || typeof through === "string" ? through : undefined;

/** All parts of a kind; undefined where one is missing, or there is none. */
export function wholeParts<Artifact extends PreviousArtifact>(
  kind: Pick<Kind, "name">,
  artifacts: ReadonlyMap<string, Artifact> | undefined,
): readonly Artifact[] | undefined {
  const parts = keptParts(kind, artifacts);
  const last = parts.at(-1);
  return last === undefined || isUnfinished(last) ? undefined : parts;
}

/** A kind of which more is to come; undefined for one that was not begun, or is stored to its end. */
export function begunKind(
  kind: Pick<Kind, "name">,
  kept: ReadonlyMap<string, PreviousArtifact> | undefined,
): BegunKind | undefined {
  const parts = keptParts(kind, kept);
  const facts = parts.at(-1)?.facts ?? {};
  const through = throughOf(facts);
  if (through === undefined) return undefined;
  return {
    parts,
    through,
    facts,
    listing: typeof facts.listing === "string" ? facts.listing : undefined,
    sweptAt: typeof facts.sweptAt === "string" ? facts.sweptAt : undefined,
  };
}

/** What each part's facts say of it, once its lines ended: how far it is, and which reading it is of. What is in one piece says neither. */
export function partFacts(begun: Pick<BegunKind, "listing"> | undefined): (through?: string | number) => Facts {
  const listing = begun === undefined ? randomUUID() : begun.listing;
  return (through) => {
    if (through === undefined && begun === undefined) return {};
    return { ...(through === undefined ? {} : { through }), ...(listing === undefined ? {} : { listing }) };
  };
}

/** The names of parts that no reading goes on from, or that are of another one. */
export function strayParts(
  kind: Pick<Kind, "name">,
  kept: ReadonlyMap<string, PreviousArtifact> | undefined,
  begun: Pick<BegunKind, "parts"> | undefined,
): ReadonlySet<string> {
  const names = new Set([...(kept?.keys() ?? [])].filter((name) => isPartOf(kind, name)));
  const used = begun?.parts ?? wholeParts(kind, kept) ?? [];
  return names.difference(new Set(used.map((_, n) => partName(kind, n + 1))));
}

/** As many parts of one reading as there are, in order. */
export function keptParts<Artifact extends PreviousArtifact>(
  kind: Pick<Kind, "name">,
  artifacts: ReadonlyMap<string, Artifact> | undefined,
): readonly Artifact[] {
  const parts: Artifact[] = [];
  for (;;) {
    const part = artifacts?.get(partName(kind, parts.length + 1));
    if (part === undefined || part.facts.listing !== (parts[0] ?? part).facts.listing) return parts;
    parts.push(part);
    if (!isUnfinished(part)) return parts;
  }
}

/** How many lines these have together. */
export const linesIn = (parts: readonly { readonly facts: Facts }[]): number =>
  parts.reduce((sum, { facts }) => sum + Number(facts.lines), 0);

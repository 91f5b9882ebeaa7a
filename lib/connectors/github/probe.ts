import { createHash } from "node:crypto";
import { SourceError, TransientError } from "../../errors.ts";
import { assetBytes } from "./asset-bytes.ts";
import type { ChosenKinds } from "./chosen-kinds.ts";
import { askGraphql, COST } from "./graphql.ts";
import { isObject, type Json } from "./pages.ts";
import { type ProbeField, probeFields } from "./probe-fields.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

/** By kind: how many there are, and a digest of the state that it had when the repositories were listed. Kinds of which none is known are asked about by themselves. */
export type Probe = Readonly<Record<string, string>>;

/** What one question tells of a repository. */
export interface Probed {
  readonly probe: Probe;
  /** About how large the files of its releases are together; undefined where that was not asked for or not told. */
  readonly assetBytes: number | undefined;
}

/** Asks for the state of many repositories at once, by their `node_id`. Answers one each; empty where GraphQL is not to be had. */
export type Prober = (ids: readonly string[]) => Promise<ReadonlyMap<string, Probed>>;

/** So many repositories in one question: about ten points of GraphQL's own limit. */
export const PROBED_AT_ONCE = 50;

/** It saves requests and nothing depends on it: where it cannot be asked, every kind is read as if there were no GraphQL. */
export function proberOf(chosen: ChosenKinds, session: Session): Prober {
  const kinds = chosen.of("repository").filter(({ probe }) => probe !== undefined);
  const fields = [...new Set(kinds.flatMap(({ probe = [] }) => probe))];
  let isClosed = fields.length === 0;

  async function ask(ids: readonly string[]): Promise<ReadonlyMap<string, Probed>> {
    if (isClosed || ids.length === 0) return new Map();
    try {
      const { data } = await askGraphql(session, questionOf(fields), { ids });
      const nodes = Array.isArray(data.nodes) ? data.nodes.filter(isObject) : [];
      return new Map(
        nodes.map((node) => [String(node.id), { probe: probeOf(node), assetBytes: assetBytes(node.releases) }]),
      );
    } catch (error) {
      if (error instanceof TransientError && ids.length > 1) {
        const half = Math.ceil(ids.length / 2);
        return new Map([...(await ask(ids.slice(0, half))), ...(await ask(ids.slice(half)))]);
      }
      session.signal.throwIfAborted();
      if (!(error instanceof UnreadableError || error instanceof SourceError || error instanceof TransientError))
        throw error;
      isClosed = true;
      return new Map();
    }
  }

  function probeOf(node: Json): Probe {
    const digests: Record<string, string> = {};
    for (const { name, probe = [] } of kinds) {
      const parts = probe.map((field) => stateOf(field, node[field]));
      if (parts.every((part) => part !== undefined)) {
        const count = parts.reduce((sum, part) => sum + part.count, 0);
        digests[name] = `${count}:${digestOf(parts.map(({ text }) => text))}`;
      }
    }
    return digests;
  }

  return ask;
}

/** The question about repositories, for the fields that the chosen kinds need. */
export function questionOf(fields: readonly ProbeField[]): string {
  const asked = fields.map((field) => `${probeFields[field].asks} { totalCount nodes { ${probeFields[field].of} } }`);
  return `query Probe($ids: [ID!]!) { ${COST} nodes(ids: $ids) { ... on Repository { id ${asked.join(" ")} } } }`;
}

/** How many there were when the repositories were listed. */
export function countIn(state: string | undefined): number | undefined {
  const count = /^(\d+):/.exec(state ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}

/** Undefined where the answer does not tell all of it: what was refused is null, and what is long is not there to its end. */
function stateOf(field: ProbeField, value: unknown): { readonly count: number; readonly text: string } | undefined {
  if (!isObject(value) || typeof value.totalCount !== "number" || !Array.isArray(value.nodes)) return undefined;
  if (probeFields[field].all && !isWhole(value)) return undefined;
  return { count: value.totalCount, text: JSON.stringify(value) };
}

/** Lists in lists, too. */
function isWhole(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isWhole);
  if (!isObject(value)) return true;
  const { totalCount, nodes } = value;
  if (Array.isArray(nodes) && nodes.length !== totalCount) return false;
  return Object.values(value).every(isWhole);
}

const digestOf = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);

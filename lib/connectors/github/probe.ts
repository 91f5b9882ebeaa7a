import { createHash } from "node:crypto";
import { SourceError, TransientError } from "../../errors.ts";
import { assetBytes } from "./asset-bytes.ts";
import type { ChosenKinds } from "./chosen-kinds.ts";
import { askGraphql, COST } from "./graphql.ts";
import type { Kind } from "./kinds/kind.ts";
import { isObject, type Json } from "./pages.ts";
import { type ProbeField, probedSettings, probeFields } from "./probe-fields.ts";
import type { RepositoryObject } from "./repository-object.ts";
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

/** Asks for the state of many repositories at once. Answers by their numbers; empty where GraphQL is not to be had. */
export type Prober = (repositories: readonly RepositoryObject[]) => Promise<ReadonlyMap<number, Probed>>;

/** So many repositories in one question: about ten points of GraphQL's own limit. */
export const PROBED_AT_ONCE = 50;

/** It saves requests and nothing depends on it: where it cannot be asked, every kind is read as if there were no GraphQL. */
export function proberOf(chosen: ChosenKinds, session: Session): Prober {
  const kinds = chosen.of("repository");
  const fields = [...new Set(kinds.flatMap(({ probe = [], within = [] }) => [...probe, ...within]))];
  let isClosed = fields.length === 0;

  async function ask(repositories: readonly RepositoryObject[]): Promise<ReadonlyMap<number, Probed>> {
    const named = repositories.filter(({ node_id: id }) => id !== undefined);
    if (isClosed || named.length === 0) return new Map();
    try {
      const { data } = await askGraphql(session, questionOf(fields), { ids: named.map(({ node_id: id }) => id) });
      const nodes = new Map(
        (Array.isArray(data.nodes) ? data.nodes : []).filter(isObject).map((node) => [String(node.id), node]),
      );
      return new Map(
        named.flatMap(({ id, node_id: name, listed }) => {
          const node = nodes.get(name ?? "");
          return node === undefined
            ? []
            : [[id, { probe: probeOf(node, listed), assetBytes: assetBytes(node.releases) }]];
        }),
      );
    } catch (error) {
      if (error instanceof TransientError && named.length > 1) {
        const half = Math.ceil(named.length / 2);
        return new Map([...(await ask(named.slice(0, half))), ...(await ask(named.slice(half)))]);
      }
      session.signal.throwIfAborted();
      if (!(error instanceof UnreadableError || error instanceof SourceError || error instanceof TransientError))
        throw error;
      isClosed = true;
      return new Map();
    }
  }

  function probeOf(node: Json, repository: Json): Probe {
    return Object.fromEntries(
      kinds.flatMap((kind) => {
        const state = probedState(kind, node, repository);
        return state === undefined ? [] : [[kind.name, state]];
      }),
    );
  }

  return ask;
}

/** Undefined where GitHub does not tell all of it. */
function probedState({ probe = [], listed, within }: Kind, node: Json, repository: Json): string | undefined {
  if (within !== undefined) return countOf(within, node) === 0 ? "0:none" : undefined;
  const shown = listed?.(repository);
  if (listed === undefined ? probe.length === 0 : shown === undefined) return undefined;
  const parts = probe.map((field) => stateOf(field, node));
  if (!parts.every((part) => part !== undefined)) return undefined;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return `${count}:${digestOf([...parts.map(({ text }) => text), ...(listed === undefined ? [] : [shown])])}`;
}

function countOf(fields: readonly ProbeField[], node: Json): number | undefined {
  const counts = fields.map((field) => stateOf(field, node)?.count);
  return counts.every((count) => count !== undefined) ? counts.reduce((sum, count) => sum + count, 0) : undefined;
}

/** The question about repositories, for the fields that the chosen kinds need. */
export function questionOf(fields: readonly ProbeField[]): string {
  const asked = fields.map((field) => {
    if (field === "settings")
      return Object.entries(probedSettings)
        .map((setting) => setting.join(" "))
        .join(" ");
    return `${probeFields[field].asks} { totalCount nodes { ${probeFields[field].of} } }`;
  });
  return `query Probe($ids: [ID!]!) { ${COST} nodes(ids: $ids) { ... on Repository { id ${asked.join(" ")} } } }`;
}

/** How many there were when the repositories were listed. */
export function countIn(state: string | undefined): number | undefined {
  const count = /^(\d+):/.exec(state ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}

/** Undefined where the answer does not tell all of it: what was refused is null, and what is long is not there to its end. */
function stateOf(field: ProbeField, node: Json): { readonly count: number; readonly text: string } | undefined {
  if (field === "settings") return settingsOf(node);
  const value = node[field];
  if (!isObject(value) || typeof value.totalCount !== "number" || !Array.isArray(value.nodes)) return undefined;
  if (probeFields[field].all && !isWhole(value)) return undefined;
  return { count: value.totalCount, text: JSON.stringify(value) };
}

/** One that is not told could have changed. What a repository may have none of is null. */
function settingsOf(node: Json): { readonly count: number; readonly text: string } | undefined {
  const told = Object.entries(probedSettings).map(([name, below]) => ({ below, value: node[name] }));
  if (told.some(({ below, value }) => value === undefined || (value === null && below === ""))) return undefined;
  return { count: 0, text: JSON.stringify(told) };
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

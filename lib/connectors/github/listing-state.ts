import * as z from "zod";
import type { JsonValue } from "../connector.ts";
import { type Shown, shownSoFar } from "./shown.ts";
import { type Tally, tallyOf } from "./tally.ts";

/** One that the configuration names and GitHub does not show. */
export interface Missing {
  readonly kind: "missing";
  readonly owner: string;
  readonly name: string;
  readonly why: string;
}

/** How far listing a job's units came. What it holds goes on after a wait that is left to others: numbers, names and places. */
export interface ListingState {
  /** Steps that came to their end: lists by their paths, and what is not listed any more by its identity. */
  readonly done: Set<string>;
  /** By a list's path, the place of the page that was read last. */
  readonly places: Map<string, string>;
  /** How many of the names in `repositories` were asked for. */
  named: number;
  /** How many that are not listed any more were asked about. */
  asked: number;
  /** Sorts of units of which one tells of the credentials' rights. */
  readonly sorts: Set<string>;
  readonly missing: Missing[];
  readonly shown: Shown;
  readonly tally: Tally;
  /** From then on no further name is asked for: a function's time ends, and with it what it has not given. */
  readonly pauseMs: number;
}

const schema = z.object({
  done: z.array(z.string()),
  places: z.record(z.string(), z.string()),
  named: z.int(),
  asked: z.int(),
  sorts: z.array(z.string()),
  missing: z.array(z.object({ kind: z.literal("missing"), owner: z.string(), name: z.string(), why: z.string() })),
  shown: z.object({ ids: z.array(z.string()), identities: z.array(z.string()) }),
  tally: z.record(
    z.string(),
    z.object({ countedAt: z.string(), visibilities: z.record(z.string(), z.array(z.number())) }),
  ),
});

/** From the beginning, or as it was noted before a wait. */
export function listingState(before?: unknown, pauseMs = Number.POSITIVE_INFINITY): ListingState {
  const noted = before === undefined ? undefined : schema.parse(before);
  return {
    done: new Set(noted?.done),
    places: new Map(Object.entries(noted?.places ?? {})),
    named: noted?.named ?? 0,
    asked: noted?.asked ?? 0,
    sorts: new Set(noted?.sorts),
    missing: [...(noted?.missing ?? [])],
    shown: shownSoFar(noted?.shown),
    tally: tallyOf(noted?.tally),
    pauseMs,
  };
}

export const notedListing = ({
  done,
  places,
  named,
  asked,
  sorts,
  missing,
  shown,
  tally,
}: ListingState): JsonValue => ({
  done: [...done],
  places: Object.fromEntries(places),
  named,
  asked,
  sorts: [...sorts],
  missing: missing.map((one) => ({ ...one })),
  shown: shown.noted(),
  tally: tally.noted(),
});

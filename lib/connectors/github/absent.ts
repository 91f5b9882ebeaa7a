import { wholeOf } from "../../identity.ts";
import type { Unit, UnitBefore } from "../connector.ts";
import { type Absent, fatesOf, type Listing } from "./fates.ts";
import type { ListingState } from "./listing-state.ts";
import { numbered, ownId } from "./numbered.ts";
import { recall } from "./remembered.ts";
import { repositoryUnits } from "./repository-units.ts";

/**
 * Repositories and gists that the last snapshots hold and that were not listed. GitHub is asked about each by its number: one that is there goes on, whatever
 * it is called by now; one that is hidden, or may be, is a unit that fails, so that credentials which lost a right never make a smaller backup
 * that looks fine. What was deleted, or is not asked for any more, is left out.
 */
export async function* absentUnits(listing: Listing, known: readonly UnitBefore[]): AsyncGenerator<Unit> {
  const { chosen, parts, state } = listing;
  const { shown, missing, done } = state;
  const absent = absentOf(known, state);
  const named = new Set(missing.map(({ owner, name }) => `${owner}/${name}`.toLowerCase()));
  for await (const { absent: one, fate } of fatesOf(listing, absent, (id) => named.has(id.toLowerCase()))) {
    const isNameTaken = shown.hasId(one.id);
    switch (fate.is) {
      case "gist":
        yield { id: one.id, identity: one.whole, compute: "lambda", input: { subject: "gist", id: fate.id } };
        break;
      case "there":
        yield* repositoryUnits(fate.repository, chosen, parts);
        break;
      case "moved": {
        const { owner, name } = fate.repository;
        const message = `${one.id} is ${owner.login}/${name} now, which the job does not ask for; it is still backed up: name it in repositories, or exclude it`;
        const id = isNameTaken ? `${owner.login}/${name}` : one.id;
        if (shown.hasId(id)) break;
        for (const unit of repositoryUnits(fate.repository, chosen, parts, { id }))
          yield unit.identity === one.whole ? { ...unit, warnings: [{ code: "GITHUB_MOVED", message }] } : unit;
        break;
      }
      case "hidden":
        // Another one has its name: it was deleted, or moved away, before that was made. A unit's name may be one that it had before.
        if (isNameTaken && fate.isNotFound === true && isOwnName(one)) break;
        for (const { id, identity } of one.units) {
          yield {
            id: isNameTaken ? numbered(ownId(id), one) : id,
            ...(identity === undefined ? {} : { identity }),
            compute: "lambda",
            input: {
              subject: "absent",
              code: fate.isNamed === true ? "SOURCE_NOT_FOUND" : "SOURCE_FORBIDDEN",
              why: fate.why,
            },
          };
        }
        break;
      case "gone":
        break;
    }
    done.add(one.whole);
  }
}

const isOwnName = ({ id, remembered: { name } }: Absent): boolean =>
  name === undefined || name.toLowerCase() === id.toLowerCase();

function absentOf(known: readonly UnitBefore[], { shown, done }: ListingState): readonly Absent[] {
  const groups = Map.groupBy(known, ({ identity }) => wholeOf(identity) ?? identity ?? "");
  return [...groups].flatMap(([whole, units]) => {
    const first = units.find(({ identity }) => identity === whole) ?? units[0];
    if (first === undefined || whole === "" || shown.has(whole) || done.has(whole)) return [];
    return [{ whole, id: ownId(first.id), snapshot: first.snapshot, units, remembered: recall(units) }];
  });
}

import { CodedError, ConfigError } from "../../errors.ts";
import { listRepository } from "../../git/conversation.ts";
import { fingerprintOf } from "../../git/refs.ts";
import type { Unit } from "../connector.ts";
import type { Authorizer } from "./authorization.ts";
import type { Repository } from "./repositories.ts";

const AT_ONCE = 8;
/** A server that hangs must not hang the plan. */
const LISTING_MS = 120_000;

/** A unit a repository, in the order of the options. One that cannot be listed has no fingerprint: collecting it says why. */
export async function* listUnits(
  repositories: readonly Repository[],
  authorize: Authorizer,
  signal: AbortSignal,
): AsyncGenerator<Unit> {
  const listings: Promise<Unit>[] = [];
  for (const index of repositories.keys()) {
    for (const next of repositories.slice(listings.length, index + AT_ONCE)) {
      const listing = unitOf(next, authorize, signal);
      // Heard when its turn comes, which may be never.
      listing.catch(() => {});
      listings.push(listing);
    }
    const unit = await listings[index];
    if (unit !== undefined) yield unit;
  }
}

async function unitOf(repository: Repository, authorize: Authorizer, signal: AbortSignal): Promise<Unit> {
  const unit: Unit = { id: repository.id, compute: "lambda", input: {} };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(LISTING_MS)]);
  try {
    const listing = await listRepository(repository, { authorization: await authorize(repository), signal: limited });
    return { ...unit, fingerprint: fingerprintOf(listing, repository.refs) };
  } catch (error) {
    signal.throwIfAborted();
    const expected = error instanceof CodedError || limited.aborted;
    if (!expected || error instanceof ConfigError) throw error;
    return unit;
  }
}

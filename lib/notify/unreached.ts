import { type Delivery, wasHeard } from "./tell.ts";
import { MAX_TRIES, type Told } from "./told.ts";

type Unreached = NonNullable<Told["missed"]>["unreached"];

/** Who has still to be told what others know. Whoever stood in was not asked by itself. */
export function unreachedAfter(
  before: Unreached,
  job: string,
  asked: readonly Delivery[],
  isAgain: boolean,
): Unreached {
  if (asked.length === 0) return before;
  const notifiers = asked
    .filter((one) => !wasHeard(one, job) && one.insteadOf === undefined)
    .map(({ notifier }) => notifier);
  const tries = isAgain ? (before?.tries ?? 0) + 1 : 1;
  return notifiers.length === 0 || tries > MAX_TRIES ? undefined : { notifiers, tries };
}

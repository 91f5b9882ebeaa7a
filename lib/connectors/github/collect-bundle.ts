import { SourceError, TransientError } from "../../errors.ts";
import { backOff } from "../../retry.ts";
import type { Item } from "../connector.ts";
import type { BundleResult, bundleOf } from "./bundles.ts";
import { patience } from "./patience.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";

/**
 * The git of a repository, wiki or gist, as `name.bundle`. One that is unreadable or empty is noted as what it is; what fails leaves the other kinds alone.
 * A fault that passes is waited out, and all is asked for anew: refs and pack are of one time.
 */
export async function* collectBundle(
  work: SubjectWork,
  kind: "git" | "wiki" | "gist_git",
  name: string,
  url: string,
  read: (source: Parameters<typeof bundleOf>[0]) => Promise<BundleResult>,
): AsyncGenerator<Item> {
  const options = patience(work);
  for (let attempt = 1; ; attempt += 1) {
    try {
      yield* bundleItems(work, kind, name, url, read);
      return;
    } catch (error) {
      work.context.signal.throwIfAborted();
      const passes = error instanceof TransientError && options.unless?.(error) !== true;
      if (!passes || attempt === options.attempts) {
        work.failures.add(kind, error);
        return;
      }
      await backOff(attempt, error, options);
    }
  }
}

async function* bundleItems(
  work: SubjectWork,
  kind: string,
  name: string,
  url: string,
  read: (source: Parameters<typeof bundleOf>[0]) => Promise<BundleResult>,
): AsyncGenerator<Item> {
  const { previous, session } = work;
  const result = await read({ name, url, session, previous });
  if (result.state !== "READ") {
    if (result.state === "EMPTY") noteEmpty(work, kind, name, result.reason);
    else noteBarrier(work, kind, { barrier: result.state, message: result.reason ?? "" });
    return;
  }
  try {
    yield result.item;
  } finally {
    await result.close();
  }
  work.states.set(kind, { state: "READ", newest: result.fingerprint });
}

/** What vanished must not pass as a success: a repository or wiki that held something holds something. */
function noteEmpty(work: SubjectWork, kind: string, name: string, reason = "it has no commits"): void {
  work.states.set(kind, { state: "EMPTY" });
  const { unit, salvage } = work.previous;
  const before = [unit, salvage].find((one) => one?.artifacts.has(`${name}.bundle`));
  if (before === undefined) return;
  const { snapshot = before.snapshot } = before.artifacts.get(`${name}.bundle`) ?? {};
  work.failures.add(kind, new SourceError("SOURCE_EMPTY", `${reason}, but was stored in snapshot ${snapshot}`));
}

import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import type { BundleResult, bundleOf } from "./bundles.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";

/**
 * The git of a repository, wiki or gist, as `name.bundle`. One that is unreadable or empty is noted as what it is; what fails leaves the other kinds alone.
 */
export async function* collectBundle(
  work: SubjectWork,
  kind: "git" | "wiki" | "gist_git",
  name: string,
  url: string,
  read: (source: Parameters<typeof bundleOf>[0]) => Promise<BundleResult>,
): AsyncGenerator<Item> {
  const { previous, session, context } = work;
  const before = previous.stateOf(kind, `${name}.bundle`);
  try {
    const result = await read({
      name,
      url,
      account: session.account(),
      signal: context.signal,
      previous: previous.unit,
      before,
    });
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
  } catch (error) {
    work.failures.add(kind, error);
  }
}

/** What vanished must not pass as a success: a repository or wiki that held something holds something. */
function noteEmpty(work: SubjectWork, kind: string, name: string, reason = "it has no commits"): void {
  work.states.set(kind, { state: "EMPTY" });
  if (work.previous.unit?.artifacts.has(`${name}.bundle`) !== true) return;
  work.failures.add(
    kind,
    new SourceError("SOURCE_EMPTY", `${reason}, but was stored in snapshot ${work.previous.snapshot}`),
  );
}

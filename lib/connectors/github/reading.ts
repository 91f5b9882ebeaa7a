import type { DeferredError } from "../../errors.ts";
import type { Facts } from "../connector.ts";
import type { GoneItems } from "./gone-items.ts";
import type { KindNotes } from "./kind-notes.ts";
import type { BegunKind } from "./kind-parts.ts";
import type { Kind, Path } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import type { Parents } from "./parents.ts";
import type { Answer } from "./response.ts";
import type { Session } from "./session.ts";
import type { KindState } from "./state.ts";

/** What reading one kind of one subject has to go by. */
export interface KindContext {
  readonly kind: Kind;
  readonly session: Session;
  /** What stands for `{owner}` and the like. */
  readonly params: Readonly<Record<string, string>>;
  /** What the last snapshot knows; undefined when nothing of it can be used. */
  readonly before: KindState | undefined;
  /** The lines that it holds. Each call reads them from the start. */
  readonly previousLines: (() => AsyncIterable<Line>) | undefined;
  /** True when all is to be read, so that deletions are found. */
  readonly sweep: boolean;
  /** What listing knew of the kind's state; undefined where it knew nothing. */
  readonly probe: string | undefined;
  readonly parents: Parents;
  /** What was stored of it before we had to wait, where that is not all. */
  readonly begun: BegunKind | undefined;
  /** What was noted of that, where it is sealed to us. */
  readonly notes?: KindNotes;
  /** In how many artifacts the last snapshot's lines are. */
  readonly previousParts: number;
}

/** How a kind is going to be read. Answered once the first question has been asked. */
export interface KindReading {
  /** The last snapshot's artifact, or its being empty, stands. */
  readonly unchanged: boolean;
  /** Each call reads from the start. @throws UnreadableError | SourceError | TransientError */
  lines(): AsyncIterable<Line>;
  /** Why the lines ended before their end: what was read until then can be stored, and the rest read from there. After the last line. */
  stopped?(): DeferredError | undefined;
  /** What the lines' artifact is to say of them. After the last line. */
  facts?(): Facts;
  /** After the last line. */
  state(): Omit<KindState, "state">;
  /** Keys of the last snapshot that are gone. After the last line. */
  deleted(): readonly string[];
  /** Objects that are gone from lines that stay. After the last line. */
  deletedItems?(): readonly GoneItems[];
}

/** @throws DeferredError where the lines ended before their end */
export function checkEnd({ stopped }: Pick<KindReading, "stopped">): void {
  const reason = stopped?.();
  if (reason !== undefined) throw reason;
}

/** More than this is a list that changes each night anyway, and the state would grow with it. */
const MAX_ETAGS = 50;

export function filled(path: Path, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`nothing stands for {${name}} in ${path}`);
    return encodeURIComponent(value);
  });
}

export interface Etags {
  note(url: string, etag: string | undefined): void;
  /** Undefined when one is missing or there are too many: the list is then read each time. */
  all(): Record<string, string> | undefined;
}

export function collectEtags(): Etags {
  const etags: Record<string, string> = {};
  let whole = true;
  return {
    note(url, etag) {
      if (etag === undefined || Object.keys(etags).length >= MAX_ETAGS) whole = false;
      else etags[url] = etag;
    },
    all: () => (whole && Object.keys(etags).length > 0 ? etags : undefined),
  };
}

/** Whether listing found the state of the last snapshot, so that nothing has to be asked. What it does not show is found by the next sweep. */
export const isAsProbed = ({ before, probe, sweep }: Pick<KindContext, "before" | "probe" | "sweep">): boolean =>
  probe !== undefined && before?.probe === probe && !sweep;

/**
 * Asks whether any of the pages that a kind was read from has changed. The answer that says so is `given` to the reading that follows.
 * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
 */
export async function isUnchanged(context: KindContext, given: Map<string, Answer>): Promise<boolean> {
  if (isAsProbed(context)) return true;
  const { session, before } = context;
  const etags = Object.entries(before?.etags ?? {});
  for (const [url, etag] of etags) {
    const answer = await session.get(url, { etag });
    if (answer.status === 304) continue;
    given.set(url, answer);
    return false;
  }
  return etags.length > 0;
}

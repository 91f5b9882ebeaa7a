import type { CollectContext, Facts } from "../connector.ts";
import type { CommentCounts } from "./comment-counts.ts";
import type { Failures } from "./failures.ts";
import type { KindNotes } from "./kind-notes.ts";
import { begunKind } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Json } from "./pages.ts";
import type { Parents } from "./parents.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import type { Probe } from "./probe.ts";
import type { References } from "./references.ts";
import type { LfsCounts } from "./sealed-lfs.ts";
import type { Session } from "./session.ts";
import type { KindState } from "./state.ts";
import type { Texts } from "./texts.ts";
import type { Tombstones } from "./tombstones.ts";
import type { UnreadableError } from "./unreadable.ts";

/** One repository, organization or user being collected. */
export interface SubjectWork {
  readonly kinds: readonly Kind[];
  readonly session: Session;
  readonly params: Readonly<Record<string, string>>;
  readonly previous: PreviousSubject;
  readonly context: CollectContext;
  readonly redact: (text: string) => string;
  readonly required: (kind: string) => boolean;
  /** Milliseconds after which a list is read whole again. */
  readonly fullEveryMs: number;
  /** What listing knew of the kinds' state. */
  readonly probe: Probe;
  readonly parents: Parents;
  readonly failures: Failures;
  readonly tombstones: Tombstones;
  /** Hear each line of a kind, when it was read or is as it was; where it is read once more, from its beginning. */
  readonly observers: Map<string, Observer>;
  /** Where what is stored is sealed to us, by kind: what is to be known of it after a wait. */
  readonly notes: Map<string, KindNotes>;
  /** There, too: the keys of the lines that have passed. */
  readonly keys: Map<string, Set<string>>;
  /** By kind, as they will be remembered. */
  readonly states: Map<string, KindState>;
  /** Hears the lines that hold texts, where what these show is stored. */
  texts: Texts | undefined;
  readonly references: References;
  readonly comments: CommentCounts;
  /** Kinds of which all was read in the place of what was stored already, because there was a hole in it. */
  readonly readAgain: Set<string>;
  /** Kinds that were asked about by another one's objects and have nothing, with the facts that an artifact of them would have. */
  readonly empty: Map<Kind, Facts>;
  readonly startedAt: Date;
  /** What was compared at the end, by kind; `missing` are the numbers that are not stored (`number-facts.ts`): GitHub does not have them, or not yet then. */
  readonly checked: Map<
    string,
    { readonly references: number; readonly gone: number; readonly missing?: string; readonly asked?: string }
  >;
  lfs: LfsCounts;
  /** What GitHub says that the subject is, once its first kind was read. */
  subject: Json | undefined;
  /** True where that was not asked for, because it is listed as it was. */
  isSubjectListed: boolean;
}

export interface Observer {
  begin(): void;
  note(json: Json): void;
  /** What it needs of each line that has passed. */
  noted(): Json[];
}

/** What GitHub itself says of a kind: what is off is kept there, hidden, while a setting that is not chosen holds nothing. */
export type Told = "off" | "not chosen";

/**
 * A kind that cannot be read is what it is. It is a failure when it could be read before, so that credentials which lost a right
 * never make a smaller backup that looks fine, or when the configuration requires it. What GitHub says is off is none; where it held something, each run tells in which snapshot that is, for as
 * long as that one is there. One of which a part was stored before a wait, and whose rest is not to be had, is a failure in any case: a cut list is none.
 */
export function noteBarrier(
  work: SubjectWork,
  kind: string,
  error: Pick<UnreadableError, "barrier" | "message">,
  told?: Told,
): void {
  const { barrier: state } = error;
  const reason = work.redact(error.message);
  const { previous, context } = work;
  const remembered = previous.heldIn(kind);
  const heldIn = told === "not chosen" ? undefined : remembered;
  const readIn = heldIn ?? previous.readIn(kind);
  const known = { state, reason, ...(remembered === undefined ? {} : { heldIn: remembered }) };
  work.states.set(kind, known);
  const isCut = begunKind({ name: kind }, context.kept) !== undefined;
  const partly = isCut ? "was read in part before a wait" : undefined;
  const before = readIn === undefined ? partly : `was read in snapshot ${readIn}`;
  const required = work.required(kind) ? "is required" : undefined;
  const why = before ?? required;
  if (why === undefined) return;
  if (told !== undefined && required === undefined && !isCut) {
    const until =
      heldIn === undefined ? "" : `; what it held is in no later snapshot, and goes when retention removes that one`;
    context.warn({
      code: "GITHUB_SWITCHED_OFF",
      message: `${kind} ${why}, and has been switched off since (${reason})${until}`,
    });
    return;
  }
  if (readIn !== undefined) work.states.set(kind, { ...known, readIn });
  work.failures.forbidden(kind, `${why}, and cannot be read now (${reason})`);
}

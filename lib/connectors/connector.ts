import type * as z from "zod";
import type { Bytes } from "../bytes.ts";
import type { Redaction } from "../secrets/redaction.ts";
import type { SecretResolver } from "../secrets/secrets.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What was collected, in numbers and names that proof can count again: refs, objects, entries, documents. */
export type Facts = { readonly [key: string]: JsonValue };

/** The smallest thing collected, retried and reported on its own. */
export interface Unit {
  /** Unique in a plan and the same in the next run: `my-org/app`. */
  readonly id: string;
  readonly compute: "lambda" | "fargate";
  /** About how much `collect` will read, before compression, where the source says so when it is listed. */
  readonly estimatedBytes?: number;
  /**
   * What stays when the unit is renamed or moved at the source, such as its number there: by it the last snapshot's
   * artifacts are found under the old id. Unique in a plan. Left out where the id is all there is. One part of what was, or will be, a single
   * unit has the whole's identity, a slash and its name (`identity.ts`), so that the whole's artifacts are found.
   */
  readonly identity?: string;
  /** Equal to the last run's when nothing changed: the unit is then reused instead of collected. */
  readonly fingerprint?: string;
  /** What `collect` needs beside the job's options. No secrets: it is written to storage. */
  readonly input: { readonly [key: string]: JsonValue };
  /** What listing found that an operator should know. It goes into the manifest, and `plan` shows it. */
  readonly warnings?: readonly Warning[];
}

/** One artifact-to-be of a unit. */
export interface Item {
  /** A file name with an extension of `keys.ts`, without that of compression: `files.tar`. */
  readonly name: string;
  readonly contentType: string;
  /** False for what is compressed already. */
  readonly compress: boolean;
  /** The shell command that brings it back, `{}` standing for the plain file: `git clone --mirror {}`. */
  readonly restore: string;
  /**
   * True when these are the bytes of the last snapshot's artifact of this name, `"salvage"` when they are those of the newer one that
   * `CollectContext.salvage` has: it is then taken over in the storage,
   * and `open` is only called when that fails. Its facts, when given, must be had at once, and replace those of then.
   */
  readonly unchanged?: boolean | "salvage";
  /**
   * Tells by their names which items that were stored before this one are given up for it, because the source held more than it had told. Its own is
   * one of them. Those that are to be there all the same are given once more, and opened.
   */
  readonly replaces?: (name: string) => boolean;
  /** Each call reads from the start, so a retry is a second call. */
  open(): Bytes;
  /** Only after the last byte; undefined of one that is `unchanged` and was not read, whose facts stay as they were. */
  facts?(): Facts | undefined;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
}

/** An artifact of the last good snapshot that held the unit. */
export interface PreviousArtifact {
  readonly facts: Facts;
  readonly sourceBytes: number;
  /** Where it lies, in a unit that was put together from several snapshots. */
  readonly snapshot?: string;
  /**
   * The plain bytes, compared with the manifest as they pass. @throws IntegrityError, NotFoundError also for what no private
   * key at hand opens, and what a storage throws
   */
  open(): Bytes;
}

/** What a snapshot that holds the unit knows of it. */
export interface PreviousUnit {
  readonly snapshot: string;
  /** By item name. What was found damaged, or is encrypted otherwise than now, is left out. */
  readonly artifacts: ReadonlyMap<string, PreviousArtifact>;
  /** The names of what was left out: it was stored once. */
  readonly unusable?: ReadonlySet<string>;
}

/** What `collect` may use while it works on one unit. */
export interface CollectContext {
  /** Undefined for a unit that no good snapshot holds whole. */
  readonly previous: PreviousUnit | undefined;
  /**
   * What the unit stored when it failed since, of each artifact the newest. Each is whole, but together they are not the unit, nor of one time with
   * `previous`: good for what tells by its name or its facts alone what it is.
   */
  readonly salvage?: PreviousUnit | undefined;
  /** Aborted when the unit's time is up or the run is told to stop: waiting ends, and what was opened is released. */
  readonly signal: AbortSignal;
  /** Something an operator should know that does not make the unit fail. It goes into the manifest. */
  warn(warning: Warning): void;
  /**
   * Waits for a moment that the source named, such as the end of a rate limit. Where waiting would keep a function
   * running for nothing it throws instead, and the unit is taken up again at that moment: what was stored by then stays.
   * @throws DeferredError
   */
  defer(until: Date, why: string): Promise<void>;
  /** Whether that waits, or throws and leaves it to others. */
  readonly waits?: "here" | "elsewhere";
  /**
   * Items, by name, that were stored before the source had us wait: made then, or taken over from `previous`. They are not opened
   * again, so what is read of them now is not what is stored. One that was given up for another (`Item.replaces`) is not among them any more.
   */
  readonly kept?: ReadonlyMap<string, KeptArtifact>;
  /** Given where waiting is left to others and what is stored is sealed to us, so that `kept` tells nothing but facts. */
  readonly checkpoint?: Checkpoint | undefined;
  /** Whether retention has left the snapshot where it was. Not needed where nothing is remembered of one. */
  hasSnapshot?(snapshot: string): Promise<boolean>;
}

/** What a connector notes for after a wait. It lies beside the unit's record, or the plan, as open as that: ids, names and places, no content. */
export interface Checkpoint {
  /** What was noted before this wait, unchecked; undefined where there was none. */
  readonly before: unknown;
  /** Has `notes` be asked once the source has us wait. */
  note(notes: () => JsonValue): void;
}

/** Facts and bytes of an item as it was stored before the source had us wait; what `open` throws is as for the last snapshot's. */
export interface KeptArtifact extends PreviousArtifact {
  readonly how: "made" | "taken over";
}

/** The artifact that is to be proved or restored, as the manifest describes it. */
export interface ProvenArtifact {
  readonly path: string;
  readonly contentType: string;
  readonly facts: Facts;
}

/** An artifact that lies in a folder again. */
export interface RestoredArtifact extends ProvenArtifact {
  /** What `restore` made, relative to the folder of the whole restore. */
  readonly paths: readonly string[];
}

export interface ProofOptions {
  readonly full: boolean;
  readonly signal: AbortSignal;
  /** To be told, before `bytes` is read, where no more than `read` can be reached here: what fails then has not failed a full proof. */
  readonly onlyRead?: () => void;
  /** All artifacts that the snapshot holds of the unit, for what their facts have to say of each other. Left out where one is proved by itself. */
  readonly unit?: readonly ProvenArtifact[];
}

/** How far proof went: `read` parsed and counted it here; `restored` had the foreign tool bring it back into nothing. */
export interface Proof {
  readonly level: "read" | "restored" | "full";
  /** What was found to agree, for people: `345 objects, 12 refs, connectivity`. */
  readonly detail: string;
}

/** A unit that the newest snapshot holds, or held before it failed; one that never was whole, as it failed. */
export interface UnitBefore {
  readonly id: string;
  readonly identity?: string | undefined;
  readonly snapshot: string;
  /** What the manifest there says of an item; undefined where the unit had none of this name. */
  facts(item: string): Facts | undefined;
}

export interface UnitsOptions {
  /** By it a connector can miss what is not listed any more. What it does not yield gives the warning `SOURCE_ABSENT`. */
  readonly known?: readonly UnitBefore[];
  /** True where nothing is going to be collected: then listing may ask more of the source, to find out what is going to be missing. */
  readonly preview?: boolean;
  /**
   * Given where waiting is left to others and the listing can go on after it. What was yielded before the wait is not yielded again, and is told by `notes`
   * alone; it is asked for them when listing throws a DeferredError, and all that was yielded by then is stored.
   */
  readonly checkpoint?: Checkpoint;
}

/** Reads one kind of source for one job. On AWS each step is a process of its own: no method may rely on another's having been called. */
export interface Connector {
  /** Checks options, rights and reachability before anything is listed. @throws ConfigError | SourceError | TransientError | DeferredError */
  prepare(signal: AbortSignal): Promise<void>;
  /** Lists; reads nothing else, and may throw as `prepare`. A source named in the options that is not there is still a unit, which then fails. */
  units(signal: AbortSignal, options?: UnitsOptions): AsyncIterable<Unit>;
  /**
   * Yields items; each is stored before the next is asked for. A throw fails the unit and leaves what was stored
   * before it in the manifest, so "all but two files" is: yield the item, then throw `SOURCE_INCOMPLETE`.
   * What goes wrong with an item, at the source or in the storage, is thrown where it was yielded: who catches the source's
   * part of it can go on with the next item.
   */
  collect(unit: Unit, context: CollectContext): AsyncIterable<Item>;
  /**
   * Restores `bytes` (the plain artifact) into nothing, counts, compares with the facts.
   * Reads `bytes` to its end. @throws IntegrityError `PROOF_FAILED`
   */
  prove(artifact: ProvenArtifact, bytes: Bytes, options: ProofOptions): Promise<Proof>;
  /** Called once at the end, also after a failure. */
  cleanup(): Promise<void>;
}

/** What a connector is given when a job is opened. */
export interface ConnectorContext {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
  readonly now: () => Date;
  /** Absolute folders of the configuration's own storages: read as a source, a store would grow by itself each run. */
  readonly avoid: readonly string[];
  /** True where units are only listed, and collected by tasks with programs of their own. */
  readonly collectsElsewhere?: boolean;
  /**
   * Waits, while units are listed, for a moment that the source named; throws where waiting is left to others, and the units
   * are then listed again at that moment. Where it is absent, waiting is the connector's own. @throws DeferredError
   */
  defer?(until: Date, why: string, signal: AbortSignal): Promise<void>;
}

/** A service: one line in `all.ts`. */
export interface ConnectorKind<Options = unknown> {
  /** Strict; checked with the whole configuration before anything runs. */
  readonly options: z.ZodType<Options>;
  /** Side effects begin in `prepare`, not here. */
  create(options: Options, context: ConnectorContext): Promise<Connector>;
  /**
   * Brings the plain artifact into `folder` (which exists and is empty) in usable form, needs no source and no
   * secret, and answers the paths made, relative to `folder`. Reads `bytes` to its end.
   */
  restore(artifact: ProvenArtifact, bytes: Bytes, folder: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * What is left to type for one unit, in the folder that it was restored to, where its artifacts are in usable form to
   * another program alone: `mongorestore …`. Often nothing.
   */
  next(restored: readonly RestoredArtifact[]): readonly string[];
  /** Where else than to a folder it can be restored. Often nowhere. */
  readonly targets: readonly RestoreTarget<Options>[];
}

/** A place of the source's own kind: `restore --to-volume PLACE` for the one called `volume`. */
export interface RestoreTarget<Options = unknown> {
  /** The flag of the command line without its `--to-`. */
  readonly name: string;
  /** False where a second unit would be written over the first. */
  readonly takesManyUnits: boolean;
  /**
   * Brings one unit's artifacts to `place` and answers what came to be there, counted there. All stored bytes have been
   * compared with the manifest before. `options` are those of the job as it is configured now.
   * @throws RefusedError when something is in the way and `force` is not given, before anything is changed
   */
  restore(unit: RestorableUnit, place: string, options: Options, context: TargetContext): Promise<RestoredTo>;
}

/** A unit of a snapshot, whose artifacts can be read. */
export interface RestorableUnit {
  readonly id: string;
  readonly artifacts: readonly (ProvenArtifact & {
    /** The plain bytes. Each call reads from the start, and throws at the end when they are not the manifest's. */
    open(): Bytes;
  })[];
}

export interface TargetContext extends Pick<ConnectorContext, "secrets" | "redaction" | "now"> {
  /** The operator takes the risk that was refused. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

export interface RestoredTo {
  /** For people: `1,204 entries, 3 hard links`. */
  readonly detail: string;
  readonly facts: Facts;
}

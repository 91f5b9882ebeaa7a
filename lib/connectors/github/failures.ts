import { type CodedError, DeferredError, EgressError, ProxyError, SourceError, TransientError } from "../../errors.ts";

/** What went wrong with single kinds of one unit, told at its end, so that everything else of it is stored. */
export interface Failures {
  /** Passes on what is not about one kind: a storage that fails, being told to stop, waiting. */
  add(kind: string, error: unknown): void;
  /** A kind that must be readable and is not. */
  forbidden(kind: string, message: string): void;
  /** Each kind that failed, with what went wrong first. */
  reasons(): ReadonlyMap<string, string>;
  /** @throws SourceError when there was any */
  raise(): void;
}

/** Whether the source is at fault, or our way to it, as with a host that the egress list or the proxy refuses. Storages have faults that pass, too; they are none of these. */
export function isOfTheSource(error: unknown): error is CodedError {
  if (error instanceof DeferredError) return false;
  const isWay = error instanceof EgressError || error instanceof ProxyError;
  if (!(isWay || error instanceof SourceError || error instanceof TransientError)) return false;
  return !error.code.startsWith("STORAGE_");
}

export function failuresOf(signal: AbortSignal): Failures {
  const failed: { kind: string; error: CodedError }[] = [];
  return {
    add(kind, error) {
      signal.throwIfAborted();
      if (!isOfTheSource(error)) throw error;
      failed.push({ kind, error });
    },
    forbidden(kind, message) {
      failed.push({ kind, error: new SourceError("SOURCE_FORBIDDEN", message) });
    },
    reasons: () => new Map(failed.toReversed().map(({ kind, error }) => [kind, error.message])),
    raise() {
      const [first] = failed;
      if (first === undefined) return;
      const message = [...Map.groupBy(failed, ({ kind }) => kind)].map(([kind, some]) => toldOf(kind, some)).join("; ");
      const codes = new Set(failed.map(({ error }) => error.code));
      throw new SourceError(codes.size === 1 ? first.error.code : "SOURCE_INCOMPLETE", message, { cause: first.error });
    },
  };
}

/** A thousand objects that are not to be had are no thousand lines. */
const MOST_TOLD = 3;

function toldOf(kind: string, failed: readonly { readonly error: CodedError }[]): string {
  const told = failed.slice(0, MOST_TOLD).map(({ error }) => error.message);
  const more = failed.length - told.length;
  return `${kind}: ${told.join(`; ${kind}: `)}${more === 0 ? "" : `; and ${more} more`}`;
}

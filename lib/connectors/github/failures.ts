import { type CodedError, DeferredError, SourceError, TransientError } from "../../errors.ts";

/** What went wrong with single kinds of one unit, told at its end, so that everything else of it is stored. */
export interface Failures {
  /** Passes on what is not about one kind: a storage that fails, being told to stop, waiting. */
  add(kind: string, error: unknown): void;
  /** A kind that must be readable and is not. */
  forbidden(kind: string, message: string): void;
  /** @throws SourceError when there was any */
  raise(): void;
}

export function failuresOf(signal: AbortSignal): Failures {
  const failed: { kind: string; error: CodedError }[] = [];
  return {
    add(kind, error) {
      signal.throwIfAborted();
      const isOfTheSource = error instanceof SourceError || error instanceof TransientError;
      if (error instanceof DeferredError || !isOfTheSource) throw error;
      // Storages have faults that pass, too.
      if (error.code.startsWith("STORAGE_")) throw error;
      failed.push({ kind, error });
    },
    forbidden(kind, message) {
      failed.push({ kind, error: new SourceError("SOURCE_FORBIDDEN", message) });
    },
    raise() {
      const [first] = failed;
      if (first === undefined) return;
      const message = failed.map(({ kind, error }) => `${kind}: ${error.message}`).join("; ");
      const codes = new Set(failed.map(({ error }) => error.code));
      throw new SourceError(codes.size === 1 ? first.error.code : "SOURCE_INCOMPLETE", message, { cause: first.error });
    },
  };
}

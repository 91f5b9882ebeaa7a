import { CodedError, SourceError, TransientError } from "../../errors.ts";

/** Bytes that are no archive as the tools write and read it. */
export function archiveFault(message: string, cause?: unknown): SourceError {
  return new SourceError("SOURCE_CORRUPT", `the archive is wrong: ${message}`, { cause });
}

export function archiveTruncated(where: string): TransientError {
  return new TransientError("SOURCE_TRUNCATED", `the archive ends too early, ${where}`);
}

/** What archive-parser.ts says of bytes, in contrast to what a storage says that cannot give them. */
export function isAboutTheArchive(error: unknown): error is CodedError {
  return error instanceof CodedError && (error.code === "SOURCE_CORRUPT" || error.code === "SOURCE_TRUNCATED");
}

import type { ProvenArtifact } from "../connectors/connector.ts";
import { type Exit, ProgramFailedError, programText } from "../process.ts";
import { disagreement } from "./bundle-facts.ts";
import { isolatedEnvironment } from "./git-program.ts";

/** A commit made by an old tool, with a bad time zone for example. It is so at the source, and the copy is right to have it. */
const AS_AT_THE_SOURCE = /^(error|warning) in (blob|tree|commit|tag) [0-9a-f]+: \w+: |^warning: |^notice: |^$/;
/** git's bits for defects of an object's own text, loose or in a pack. What is missing or unreachable has other bits. */
const DEFECT_BITS = 1 | 4;

/**
 * That all is there which the refs reach; with `full` also every object's own digest and form.
 * @throws IntegrityError `PROOF_FAILED`
 */
export async function checkObjects(
  artifact: ProvenArtifact,
  clone: string,
  full: boolean,
  signal: AbortSignal,
): Promise<string> {
  const mode = full ? "--full" : "--connectivity-only";
  let defects = 0;
  const judge = (exit: Exit) => {
    defects = objectDefects(exit);
  };
  try {
    await programText("git", ["-C", clone, "fsck", mode, "--no-dangling", "--no-progress"], {
      signal,
      env: isolatedEnvironment,
      judge,
    });
  } catch (error) {
    if (!(error instanceof ProgramFailedError)) throw error;
    throw disagreement(artifact, error.message, error);
  }
  const found = full ? "every object and connectivity" : "connectivity";
  return defects === 0 ? found : `${found} (${defects} objects are malformed by git's rules, as at the source)`;
}

/** @throws ProgramFailedError unless all that git complains of is the form of objects */
function objectDefects(exit: Exit): number {
  const lines = exit.stderr.split("\n");
  // Only the last part of a long complaint is kept, and it may begin inside a line.
  const whole = exit.stderr.length >= 64 * 1024 ? lines.slice(1) : lines;
  const onlyForm = exit.code !== null && (exit.code & ~DEFECT_BITS) === 0;
  if (!onlyForm || !whole.every((line) => AS_AT_THE_SOURCE.test(line))) throw new ProgramFailedError("git fsck", exit);
  return whole.filter((line) => line.startsWith("error in ")).length;
}

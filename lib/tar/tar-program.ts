import { ConfigError } from "../errors.ts";
import { ProgramFailedError, ProgramMissingError, programText } from "../process.ts";

/** Where GNU tar may be found: systems whose `tar` is another one install it under the second name. */
const NAMES = ["tar", "gtar"];
/** `--verbatim-files-from` is from this version on. */
const LEAST_VERSION = [1, 29] as const;

/** What is installed, for the message when it is not the right one. */
export interface TarSearch {
  /** The program's name, undefined when there is no GNU tar. */
  readonly program: string | undefined;
  /** `busybox tar`, `bsdtar 3.7.2` … of those that were found instead. */
  readonly others: readonly string[];
}

export async function findTar(signal: AbortSignal): Promise<TarSearch> {
  const others: string[] = [];
  for (const name of NAMES) {
    const version = await versionLine(name, signal);
    if (version === undefined) continue;
    if (isRecentGnu(version)) return { program: name, others };
    others.push(version);
  }
  return { program: undefined, others };
}

/** @throws ConfigError that says what is installed instead */
export async function requireTar(signal: AbortSignal): Promise<string> {
  const { program, others } = await findTar(signal);
  if (program !== undefined) return program;
  const found = others.length === 0 ? "there is no tar on the PATH" : `what is on the PATH is ${others.join(", ")}`;
  throw new ConfigError(
    `files are read and restored by GNU tar ${LEAST_VERSION.join(".")} or newer, as tar or gtar; ${found}. Install the package tar (gnu-tar in Homebrew)`,
  );
}

async function versionLine(name: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const text = await programText(name, ["--version"], { signal });
    return text.split("\n")[0]?.trim() ?? "";
  } catch (error) {
    if (error instanceof ProgramMissingError) return undefined;
    // Old busybox knows no --version, and says who it is where the usage goes.
    if (error instanceof ProgramFailedError)
      return /busybox[^\n]*/i.exec(error.exit.stderr)?.[0] ?? `a tar that refuses --version`;
    throw error;
  }
}

function isRecentGnu(version: string): boolean {
  const match = /GNU tar\) (\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor >= LEAST_VERSION[1]);
}

import { ProgramMissingError, programText } from "../process.ts";

/** git reads a source: it asks nothing, and a partial clone must not fetch behind our back. */
export const readingEnvironment: Readonly<Record<string, string>> = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
};

/** git works on files of ours: nobody's configuration, hooks or templates may change what comes out. */
export const isolatedEnvironment: Readonly<Record<string, string>> = {
  ...readingEnvironment,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TEMPLATE_DIR: "",
};

export async function gitIsInstalled(signal: AbortSignal): Promise<boolean> {
  try {
    await programText("git", ["--version"], { signal, env: isolatedEnvironment });
    return true;
  } catch (error) {
    if (error instanceof ProgramMissingError) return false;
    throw error;
  }
}

import * as z from "zod";
import { bytesOf } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { programFault } from "../../git/fault.ts";
import { isolatedEnvironment } from "../../git/git-program.ts";
import { ProgramFailedError, programText } from "../../process.ts";
import { filled } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";

/** Names and values in their order. */
export type Settings = readonly (readonly [string, string])[];

const fileSchema = z.object({ type: z.literal("file"), encoding: z.literal("base64"), content: z.string() });

/**
 * What a file of the default branch says that is written as git's own configuration, such as `.gitmodules`; none where it is not there.
 * @throws SourceError | TransientError
 */
export async function fileSettings({ session, params, context }: SubjectWork, name: string): Promise<Settings> {
  const path = filled("/repos/{owner}/{repo}/contents/{path}", { ...params, path: name });
  const { status, json } = await session.get(path);
  if (status === 404) return [];
  if (status !== 200) throw new SourceError("SOURCE_FORBIDDEN", `GET ${path} is answered with ${status}`);
  const file = fileSchema.safeParse(json);
  // A folder or a link of that name is none of git's.
  if (!file.success) return [];
  return settingsOf(name, Buffer.from(file.data.content, "base64").toString("utf8"), context.signal);
}

/** As git reads it. It would follow `include` in what it is given by standard input, and the text is anybody's. */
async function settingsOf(name: string, text: string, signal: AbortSignal): Promise<Settings> {
  try {
    const args = ["config", "--no-includes", "--file", "-", "--null", "--list"];
    const list = await programText("git", args, { signal, env: isolatedEnvironment, stdin: bytesOf(text) });
    return list.split("\0").map((entry) => {
      const end = entry.indexOf("\n");
      return [entry.slice(0, end), entry.slice(end + 1)] as const;
    });
  } catch (error) {
    // Whoever may push may break it, which is to fail no more than what is read from it.
    if (error instanceof ProgramFailedError)
      throw new SourceError("SOURCE_FAILED", `${name} of the default branch cannot be read: ${error.message}`, {
        cause: error,
      });
    throw programFault(error, `reading ${name}`);
  }
}

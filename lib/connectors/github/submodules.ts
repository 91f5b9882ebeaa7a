import * as z from "zod";
import { bytesOf } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { programFault } from "../../git/fault.ts";
import { isolatedEnvironment } from "../../git/git-program.ts";
import { programText } from "../../process.ts";
import type { Item } from "../connector.ts";
import { kindItem } from "./kind-item.ts";
import { type Line, noLines } from "./lines.ts";
import { filled } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";
import { unchangedItem } from "./unchanged-item.ts";

/** `submodules.jsonl`: name, path and URL of each, for what is in them is in no bundle of ours. */
const SUBMODULES = { name: "submodules", reading: { how: "list", path: "" }, key: "name" } as const;

const fileSchema = z.object({ type: z.literal("file"), encoding: z.literal("base64"), content: z.string() });

/** The submodules of the default branch, asked for when a ref changed. */
export async function* submoduleItems(work: SubjectWork): AsyncGenerator<Item> {
  const { previous, states, failures } = work;
  const git = states.get("git");
  const before = previous.stateOf("submodules", "submodules.jsonl");
  try {
    if (git?.state === "EMPTY") {
      states.set("submodules", { state: "EMPTY" });
      return;
    }
    const refs = git?.newest === undefined ? {} : { newest: git.newest };
    if (before !== undefined && refs.newest !== undefined && refs.newest === before.newest) {
      states.set("submodules", before);
      if (before.state === "READ")
        yield unchangedItem(kindItem(SUBMODULES, () => previous.linesOf(SUBMODULES)?.() ?? noLines()));
      return;
    }
    const lines = await submodulesOf(work);
    if (lines.length > 0) {
      yield kindItem(SUBMODULES, async function* () {
        yield* lines;
      });
    }
    states.set("submodules", { state: lines.length === 0 ? "EMPTY" : "READ", ...refs });
  } catch (error) {
    failures.add("submodules", error);
  }
}

async function submodulesOf({ session, params, context }: SubjectWork): Promise<readonly Line[]> {
  const path = filled("/repos/{owner}/{repo}/contents/.gitmodules", params);
  const { status, json } = await session.get(path);
  if (status === 404) return [];
  if (status !== 200) throw new SourceError("SOURCE_FORBIDDEN", `GET ${path} is answered with ${status}`);
  const file = fileSchema.safeParse(json);
  // A folder or a link of that name is none of git's.
  if (!file.success) return [];
  return linesOf(await settingsOf(Buffer.from(file.data.content, "base64").toString("utf8"), context.signal));
}

/** As git reads it. It would follow `include` in what it is given by standard input, and the text is anybody's. */
async function settingsOf(text: string, signal: AbortSignal): Promise<readonly (readonly [string, string])[]> {
  try {
    const args = ["config", "--no-includes", "--file", "-", "--null", "--list"];
    const list = await programText("git", args, { signal, env: isolatedEnvironment, stdin: bytesOf(text) });
    return list.split("\0").map((entry) => {
      const end = entry.indexOf("\n");
      return [entry.slice(0, end), entry.slice(end + 1)] as const;
    });
  } catch (error) {
    throw programFault(error, "reading .gitmodules");
  }
}

function linesOf(settings: readonly (readonly [string, string])[]): readonly Line[] {
  const modules = new Map<string, Record<string, string>>();
  for (const [key, value] of settings) {
    const [, name, setting] = /^submodule\.(.+)\.([^.]+)$/s.exec(key) ?? [];
    if (name === undefined || setting === undefined) continue;
    modules.set(name, { ...modules.get(name), [setting]: value });
  }
  return [...modules].map(([name, settings]) => ({ key: name, json: { ...settings, name } }));
}

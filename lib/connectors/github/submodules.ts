import type { Item } from "../connector.ts";
import { fileSettings, type Settings } from "./file-settings.ts";
import { kindItem } from "./kind-item.ts";
import { type Line, noLines } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";
import { unchangedItem } from "./unchanged-item.ts";

/** `submodules.jsonl`: name, path and URL of each, for what is in them is in no bundle of ours. */
const SUBMODULES = { name: "submodules", reading: { how: "list", path: "" }, key: "name" } as const;

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

const submodulesOf = async (work: SubjectWork): Promise<readonly Line[]> =>
  linesOf(await fileSettings(work, ".gitmodules"));

function linesOf(settings: Settings): readonly Line[] {
  const modules = new Map<string, Record<string, string>>();
  for (const [key, value] of settings) {
    const [, name, setting] = /^submodule\.(.+)\.([^.]+)$/s.exec(key) ?? [];
    if (name === undefined || setting === undefined) continue;
    modules.set(name, { ...modules.get(name), [setting]: value });
  }
  return [...modules].map(([name, settings]) => ({ key: name, json: { ...settings, name } }));
}

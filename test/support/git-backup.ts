import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Connector, Facts, Unit, Warning } from "../../lib/connectors/connector.ts";
import { git } from "../../lib/connectors/git/git.ts";
import { gitSync, showRef } from "./git-repository.ts";

export type Entry = string | { readonly url: string; readonly [option: string]: unknown };

export interface BackedUp {
  readonly unit: Unit;
  readonly bundle: string;
  readonly facts: Facts;
  readonly restore: string;
  readonly warnings: readonly Warning[];
}

/** A connector as the steps have it. `secret` is what any reference to a secret gives. */
export function gitConnector(entries: readonly Entry[], secret = "s3cret-canary"): Promise<Connector> {
  const context = {
    secrets: { resolve: async () => secret },
    redaction: { add: () => {}, redact: (text: string) => text },
    now: () => new Date(),
    avoid: [],
  };
  return git.create(git.options.parse({ repositories: entries }), context);
}

/** Lists and collects one repository into a file of `folder`. */
export async function backUp(entry: Entry, folder: string, signal = new AbortController().signal): Promise<BackedUp> {
  const connector = await gitConnector([entry]);
  const warnings: Warning[] = [];
  const bundle = join(folder, "repository.bundle");
  await connector.prepare(signal);
  const [unit] = await Array.fromAsync(connector.units(signal));
  if (unit === undefined) throw new Error("no unit");
  const warn = (warning: Warning) => warnings.push(warning);
  for await (const item of connector.collect(unit, { previous: undefined, signal, warn, defer: async () => {} })) {
    await writeFile(bundle, item.open());
    return { unit, bundle, facts: item.facts?.() ?? {}, restore: item.restore, warnings };
  }
  throw new Error("no item");
}

/** What a person gets who restores without us: `git clone --mirror` of the bundle. */
export function cloneOf(
  backedUp: BackedUp,
  folder: string,
): { readonly path: string; readonly refs: string; fsck(): void } {
  const path = join(folder, "restored.git");
  gitSync(folder, ["clone", "--quiet", "--mirror", backedUp.bundle, path]);
  return { path, refs: showRef(path), fsck: () => void gitSync(path, ["fsck", "--full", "--strict"]) };
}

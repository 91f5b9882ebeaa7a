import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as z from "zod";
import { type Bytes, bytesOf, measureAll, readAll } from "../../lib/bytes.ts";
import type {
  CollectContext,
  Connector,
  ConnectorKind,
  Item,
  RestoreTarget,
  Unit,
} from "../../lib/connectors/connector.ts";
import { IntegrityError, RefusedError } from "../../lib/errors.ts";

/** What a unit of the scripted source does when it is collected. */
export interface ScriptedUnit {
  readonly id: string;
  readonly fingerprint?: string;
  readonly identity?: string;
  /** Items that are said to be those of the last snapshot. */
  readonly unchanged?: readonly string[];
  /** Items that are said to be those that the unit stored when it failed. */
  readonly salvaged?: readonly string[];
  /** Hears the context, and may wait, before an item is given. */
  readonly before?: (item: string, context: CollectContext) => Promise<void>;
  /** Artifact name to content; a function is called at each open, and may throw or never end. */
  readonly items?: { readonly [name: string]: string | (() => Bytes) | undefined };
  /** Items that are given once more after all others, in the place of what was stored of them. */
  readonly again?: { readonly [name: string]: string | (() => Bytes) };
  /** False for contents that are not to be compressed. */
  readonly compress?: boolean;
  /** Thrown after the items were stored; a function decides anew at each attempt. */
  readonly fails?: () => Error | undefined;
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
}

/** A source whose units are what the test says at the moment. It counts what is read from it. */
export function scriptedConnector(units: () => readonly ScriptedUnit[]) {
  const opened: string[] = [];
  const placed: string[] = [];
  /** With how many artifacts of the same unit each was proved. */
  const provedAmong = new Map<string, number>();
  const state = {
    prepared: 0,
    cleaned: 0,
    provesFail: false as boolean | Error,
    fullProofFails: false,
    onlyReads: false,
  };

  const connector: Connector = {
    async prepare() {
      state.prepared += 1;
    },
    async *units() {
      for (const { id, fingerprint, identity } of units()) yield unitOf(id, fingerprint, identity);
    },
    async *collect(unit, context) {
      const scripted = units().find(({ id }) => id === unit.id);
      for (const warning of scripted?.warnings ?? []) context.warn(warning);
      const scriptedItem = (name: string, content: string | (() => Bytes)) =>
        itemOf(name, scripted?.compress ?? true, () => {
          opened.push(`${unit.id}/${name}`);
          return typeof content === "string" ? bytesOf(content) : content();
        });
      for (const [name, content] of Object.entries(scripted?.items ?? {})) {
        if (content === undefined) continue;
        await scripted?.before?.(name, context);
        const from = scripted?.salvaged?.includes(name) === true && "salvage";
        yield { ...scriptedItem(name, content), unchanged: from || (scripted?.unchanged?.includes(name) ?? false) };
      }
      for (const [name, content] of Object.entries(scripted?.again ?? {}))
        yield { ...scriptedItem(name, content), replaces: (one) => one === name };
      const failure = scripted?.fails?.();
      if (failure !== undefined) throw failure;
    },
    async prove(artifact, bytes, { full, unit = [], onlyRead }) {
      if (state.onlyReads) onlyRead?.();
      provedAmong.set(artifact.path, unit.length);
      const { bytes: total } = await measureAll(bytes);
      if (state.provesFail instanceof Error) throw state.provesFail;
      if (state.provesFail || (full && state.fullProofFails))
        throw new IntegrityError("PROOF_FAILED", `${artifact.path} proves nothing`);
      return { level: state.onlyReads ? "read" : full ? "full" : "restored", detail: `${total} bytes` };
    },
    async cleanup() {
      state.cleaned += 1;
    },
  };

  const place: RestoreTarget = {
    name: "place",
    takesManyUnits: false,
    async restore(unit, name, _options, { force }) {
      if (name === "taken" && !force) throw new RefusedError("the place is taken");
      for (const artifact of unit.artifacts) placed.push(`${name}/${artifact.path}: ${await textOf(artifact.open())}`);
      return { detail: `${unit.artifacts.length} artifacts`, facts: { artifacts: unit.artifacts.length } };
    },
  };

  const kind: ConnectorKind = {
    options: z.unknown(),
    create: async () => connector,
    async restore({ path }, bytes, folder) {
      const name = basename(path).replace(/[.].*/, ".txt");
      await writeFile(join(folder, name), bytes);
      return [name];
    },
    next: (restored) => restored.map(({ paths }) => `cat ${paths.join(" ")}`),
    targets: [place],
  };
  return { connector, kind, opened, placed, provedAmong, state };
}

async function textOf(bytes: Bytes): Promise<string> {
  return Buffer.from(await readAll(bytes, 1_000_000)).toString();
}

function unitOf(id: string, fingerprint: string | undefined, identity: string | undefined): Unit {
  const unit: Unit = { id, compute: "lambda", input: {} };
  return {
    ...unit,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(identity === undefined ? {} : { identity }),
  };
}

function itemOf(name: string, compress: boolean, open: () => Bytes): Item {
  return {
    name,
    contentType: "application/json",
    compress,
    restore: "cat {}",
    open,
    facts: () => ({ made: true }),
  };
}

import type { Bytes } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { createArchiveCount } from "../../tar/archive-facts.ts";
import { settle } from "../../tar/reading-report.ts";
import { createTarScanner } from "../../tar/tar-scan.ts";
import type { CollectContext, Facts, Item } from "../connector.ts";
import { archiveFault, lookAt } from "./archive.ts";
import { findVolume } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import { runCommands } from "./exec.ts";
import { startGuard } from "./hold/guard.ts";
import { OWNER_LABEL } from "./hold/owner.ts";
import { type HeldTime, openSession } from "./hold/session.ts";
import { type Reader, type ReadVolumeOptions, readByEngine, readHere } from "./readers.ts";
import { type Source, sourceName } from "./source.ts";

/** What the last reading came to. */
interface Ended {
  readonly facts: Facts;
  readonly reader: Reader;
}

/** Yields the item, and tells what went otherwise once it was read. @throws SourceError `SOURCE_INCOMPLETE` */
export async function* volumeItem(engine: Engine, source: Source, options: ReadVolumeOptions): AsyncGenerator<Item> {
  let ended: Ended | undefined;
  yield {
    name: "volume.tar",
    contentType: "application/x-tar",
    compress: true,
    restore: "tar --acls --xattrs --xattrs-include='*' --numeric-owner -xpf {}",
    open() {
      ended = undefined;
      return readVolume(engine, source, options, (end) => {
        ended = end;
      });
    },
    facts() {
      if (ended === undefined) throw new Error("facts were asked for before the last byte");
      return ended.facts;
    },
  };
  const { report } = (ended as Ended | undefined)?.reader ?? {};
  if (report !== undefined) settle(report, sourceName(source), options.context.warn);
}

/** Commands are run around the reading, and containers held within: one that is paused runs no command. */
async function* readVolume(
  engine: Engine,
  source: Source,
  options: ReadVolumeOptions,
  onEnd: (end: Ended) => void,
): Bytes {
  const { given, context } = options;
  const { signal } = context;
  let failed = true;
  const isUndone = given.exec_before.length > 0 && given.exec_after.length > 0;
  const undo = { source, commands: given.exec_after };
  const guard = isUndone ? await startGuard({ place: engine.place, undo }, signal) : undefined;
  try {
    await runCommands(engine, source, given.exec_before, signal);
    yield* readHeld(engine, source, options, onEnd);
    failed = false;
  } finally {
    // Also when we were told to stop: what a command before has begun is to be undone.
    const after = runCommands(engine, source, given.exec_after, failed ? new AbortController().signal : signal);
    try {
      await (failed ? after.catch((error: unknown) => warnOf(context, error)) : after);
    } finally {
      await guard?.dismiss();
    }
  }
}

/**
 * The archive of the source, looked at as it passes: it ends well only when it is whole, whatever the Engine says.
 * Containers are held from before its first byte to behind its last.
 */
async function* readHeld(
  engine: Engine,
  source: Source,
  options: ReadVolumeOptions,
  onEnd: (end: Ended) => void,
): Bytes {
  const { given, context } = options;
  const session = await openSession(engine, source, {
    consistency: given.consistency,
    limitMs: given.hold_limit,
    now: options.now,
    signal: context.signal,
  });
  const signal = AbortSignal.any([context.signal, session.limit]);
  const count = createArchiveCount();
  const scanner = createTarScanner({ entry: (entry) => count.add(entry) });
  let held: readonly HeldTime[] = [];
  let last: Uint8Array | undefined;
  let reader: Reader;
  try {
    await assertNotMadeByUs(engine, source, signal);
    const { kind } = await lookAt(engine, session.helper, signal);
    if (kind === "socket")
      throw new SourceError("SOURCE_EMPTY", `${sourceName(source)} is a socket, of which there is nothing to store`);
    const byEngine = await readByEngine(engine, session.helper, kind, options, signal);
    await session.hold();
    reader = (await readHere(engine, source, session, options, signal)) ?? byEngine;
    for await (const chunk of reader.bytes) {
      scanner.write(chunk);
      if (last !== undefined) yield last;
      last = chunk;
    }
    scanner.end();
    // Before the last bytes go on their way: nobody waits for what becomes of them.
    held = await session.release();
  } catch (error) {
    signal.throwIfAborted();
    throw archiveFault(error, sourceName(source));
  } finally {
    await session.end();
  }
  for (const { name, remark } of held) {
    if (remark !== undefined) context.warn({ code: "CONTAINER_CHANGED", message: `the container ${name} ${remark}` });
  }
  if (last !== undefined) yield last;
  onEnd({ reader, facts: { ...count.facts(), readBy: reader.by, ...heldFacts(held) } });
}

/** Mounting a volume that was removed since it was listed makes an empty one of its name, which must not pass for it. */
async function assertNotMadeByUs(engine: Engine, source: Source, signal: AbortSignal): Promise<void> {
  if (source.kind !== "volume") return;
  const volume = await findVolume(engine, source.name, signal);
  if (volume !== undefined && volume.Labels[OWNER_LABEL] === undefined) return;
  throw new SourceError("SOURCE_NOT_FOUND", `${sourceName(source)} was removed while it was about to be read`);
}

function heldFacts(held: readonly HeldTime[]): Facts {
  if (held.length === 0) return {};
  return { held: Object.fromEntries(held.map(({ name, how, ms }) => [name, { how, ms }])) };
}

function warnOf(context: CollectContext, error: unknown): void {
  context.warn({ code: "EXEC_AFTER_FAILED", message: error instanceof Error ? error.message : String(error) });
}

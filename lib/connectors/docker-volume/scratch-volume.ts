import { randomBytes } from "node:crypto";
import { listVolumes, orAbsent } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import { volumeShape } from "./engine/shapes.ts";
import { isAbandoned, ownerLabels } from "./hold/owner.ts";

/** No proof takes this long; from then on other machines may remove what it left. */
const ABANDONED_AFTER_MS = 7 * 24 * 60 * 60 * 1000;

/** An empty volume for a short while. */
export async function createScratchVolume(engine: Engine, now: Date, signal: AbortSignal): Promise<string> {
  const json = {
    Name: `core-backup-prove-${randomBytes(8).toString("hex")}`,
    Labels: ownerLabels(new Date(now.getTime() + ABANDONED_AFTER_MS)),
  };
  const request = {
    method: "POST",
    path: "/volumes/create",
    json,
    signal,
    what: "makes no volume to prove in",
  } as const;
  const { Name } = await engine.ask(request, volumeShape);
  return Name;
}

/** Not stopped by the run's signal. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  const path = `/volumes/${encodeURIComponent(name)}`;
  const signal = AbortSignal.timeout(60_000);
  await orAbsent(engine.send({ method: "DELETE", path, signal, what: `does not remove the volume ${name}` }));
}

/** Removes those that killed proofs left. One still in use is left to the next time. */
export async function sweepScratchVolumes(engine: Engine, now: Date, signal: AbortSignal): Promise<void> {
  for (const { Name, Labels } of await listVolumes(engine, signal)) {
    if (isAbandoned(Labels, now, engine.place.host.kind === "unix")) await removeVolume(engine, Name).catch(() => {});
  }
}

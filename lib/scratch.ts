import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { constants, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { SourceError } from "./errors.ts";

/** A folder in the clear for a short while: what is restored for a proof, what must be cloned to be read. */
export interface ScratchFolder {
  /** Mode 0700: what lies in it is as secret as the source. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Process numbers mean something on one machine only, and temporary folders can be shared. */
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 12);
const NAME = /^core-backup-[a-z]+-([0-9a-f]{12})-(\d+)-/;

/** Makes one, and first removes those that killed processes of this user left on this machine. @throws SourceError `SCRATCH_FULL` */
export async function scratchFolder(purpose: string): Promise<ScratchFolder> {
  await sweep();
  try {
    const path = await mkdtemp(join(tmpdir(), `core-backup-${purpose}-${HOST}-${process.pid}-`));
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  } catch (error) {
    throw scratchFault(error);
  }
}

const { ENOSPC, EDQUOT } = constants.errno;

/** What a full folder for temporary files makes of writing there: that the source is not to be read here. Any other error is left as it is. */
export function scratchFault(error: unknown): unknown {
  const number = error instanceof Error && "errno" in error ? error.errno : undefined;
  if (number !== -ENOSPC && number !== -EDQUOT) return error;
  const why = number === -ENOSPC ? "no space is left" : "the quota is used up";
  return new SourceError("SCRATCH_FULL", `${why} in the folder for temporary files, ${tmpdir()}`, { cause: error });
}

/** What cannot be removed is left to the next time: it must not keep a backup from being proved. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, host, pid] = NAME.exec(name) ?? [];
    if (host !== HOST || pid === undefined || isAlive(Number(pid))) continue;
    const path = join(tmpdir(), name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isDirectory() !== true || stats.uid !== process.getuid?.()) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

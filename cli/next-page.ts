import { createHash } from "node:crypto";
import { resolve } from "node:path";
import * as z from "zod";
import type { Backup } from "../lib/backup.ts";
import { bytesOf } from "../lib/bytes.ts";
import { TransientError } from "../lib/errors.ts";
import { documentBytes, parseDocument } from "../lib/manifest.ts";
import { overview } from "../lib/overview/overview.ts";
import { page } from "../lib/page/page.ts";
import { withinTime } from "../lib/scheduling/deadline.ts";
import { sealed } from "../lib/seal.ts";
import type { Storage } from "../lib/storage/storage.ts";
import { tool } from "../lib/tool.ts";
import type { MadePage } from "./status-page.ts";

const keptSchema = z.strictObject({
  schemaVersion: z.literal(1),
  madeFor: z.string().describe("SHA-256 of the configuration and the version that it was made under"),
  at: z.iso.datetime(),
  text: z.string(),
  seal: z.string(),
});

const MAX_BYTES = 256 * 1024 * 1024;
/** One that is older says too little of how things are. */
const OLDEST_MS = 86_400_000;
/** So often at most it is kept anew: a browser that is left open has one made each minute. */
const KEEP_MS = 10 * 60_000;
/** Nobody waits longer for this machine's folder, and one that hangs is not asked again: each call to it takes a thread. */
const MACHINE_MS = 10_000;

/**
 * Makes the page of all jobs, again and again, and keeps it on this machine: reading the manifests of years takes a while, and who restarts
 * `serve` is shown how it was, meanwhile. `older` is given that one before the first is begun; none of another configuration or version, nor one
 * that is damaged, older than a day, or of a clock that was ahead.
 */
export function nextPages(withinMs: number): (backup: Backup, older: (made: MadePage) => void) => Promise<MadePage> {
  let isFirst = true;
  let hangs = false;
  let kept: { readonly madeFor: string; readonly at: Date } | undefined;
  return async (backup, older) => {
    const madeFor = digestOf(backup);
    if (isFirst) {
      isFirst = false;
      const last = await onMachine(backup, (machine) => recall(machine, backup, madeFor));
      if (last !== undefined) {
        older(last);
        kept = { madeFor, at: last.at };
      }
    }
    const found = await overview(backup, backup.config.jobs, { withinMs });
    const made = { at: new Date(found.at), text: page(found) };
    if (kept?.madeFor !== madeFor || made.at.getTime() - kept.at.getTime() >= KEEP_MS)
      kept = await onMachine(backup, async (machine) => {
        const document = { schemaVersion: 1, madeFor, at: made.at.toISOString(), text: made.text };
        await machine.put(keyOf(backup), bytesOf(documentBytes(sealed(document))));
        return { madeFor, at: made.at };
      });
    return made;
  };

  /** Undefined where it fails: the page is made all the same. */
  async function onMachine<T>(
    { machine, log }: Backup,
    work: (machine: Storage) => Promise<T>,
  ): Promise<T | undefined> {
    if (machine === undefined || hangs) return undefined;
    const tooLate = () => {
      hangs = true;
      return new TransientError(
        "STORAGE_FAILED",
        `this machine's folder has not answered within ${MACHINE_MS / 1000} s`,
      );
    };
    try {
      return await withinTime(MACHINE_MS, () => work(machine), tooLate);
    } catch (error) {
      log.debug(`no page that is kept on this machine: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}

async function recall(machine: Storage, backup: Backup, madeFor: string): Promise<MadePage | undefined> {
  const key = keyOf(backup);
  const { content } = await machine.read(key, MAX_BYTES);
  const { at, text, madeFor: then } = parseDocument(keptSchema, key, content);
  const ageMs = backup.now().getTime() - Date.parse(at);
  const fits = then === madeFor && ageMs >= 0 && ageMs < OLDEST_MS;
  return fits ? { at: new Date(at), text } : undefined;
}

const keyOf = ({ config }: Backup): string => `core-backup-pages/${sha256(resolve(config.file)).slice(0, 16)}.json`;

const digestOf = ({ config }: Backup): string => sha256(JSON.stringify([tool.version, config]));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

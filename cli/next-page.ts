import { createHash } from "node:crypto";
import { resolve } from "node:path";
import * as z from "zod";
import type { Backup } from "../lib/backup.ts";
import { bytesOf } from "../lib/bytes.ts";
import { documentBytes, parseDocument } from "../lib/manifest.ts";
import { overview } from "../lib/overview/overview.ts";
import { page } from "../lib/page/page.ts";
import { sealed } from "../lib/seal.ts";
import type { MadePage } from "./status-page.ts";

interface NextPage {
  /** Is given the one that this machine kept, before the next one is begun. */
  readonly older: (made: MadePage) => void;
  readonly withinMs: number;
}

const keptSchema = z.strictObject({
  schemaVersion: z.literal(1),
  configuration: z.string().describe("SHA-256 of the one that it was made under"),
  at: z.iso.datetime(),
  text: z.string(),
  seal: z.string(),
});

const MAX_BYTES = 256 * 1024 * 1024;
/** One that is older says too little of how things are. */
const OLDEST_MS = 86_400_000;
/** So often at most it is kept anew: a browser that is left open has one made each minute. */
const KEEP_MS = 10 * 60_000;

/**
 * The page of all jobs, which is kept on this machine: reading the manifests of years takes a while, and who restarts `serve` is shown how
 * it was, meanwhile. One of another configuration is not shown, nor one that is damaged, older than a day, or of a clock that was ahead.
 */
export async function nextPage(backup: Backup, { older, withinMs }: NextPage): Promise<MadePage> {
  const last = await recall(backup);
  if (last !== undefined) older(last);
  const found = await overview(backup, backup.config.jobs, { withinMs });
  const made = { at: new Date(found.at), text: page(found) };
  if (last === undefined || made.at.getTime() - last.at.getTime() >= KEEP_MS) await remember(backup, made);
  return made;
}

async function recall(backup: Backup): Promise<MadePage | undefined> {
  try {
    const key = keyOf(backup);
    const document = await backup.machine?.read(key, MAX_BYTES);
    if (document === undefined) return undefined;
    const { at, text, configuration } = parseDocument(keptSchema, key, document.content);
    const ageMs = backup.now().getTime() - Date.parse(at);
    const fits = configuration === digestOf(backup) && ageMs >= 0 && ageMs < OLDEST_MS;
    return fits ? { at: new Date(at), text } : undefined;
  } catch {
    // There is none, or none that is whole: the next one is made all the same.
    return undefined;
  }
}

async function remember(backup: Backup, { at, text }: MadePage): Promise<void> {
  const kept = { schemaVersion: 1, configuration: digestOf(backup), at: at.toISOString(), text };
  try {
    await backup.machine?.put(keyOf(backup), bytesOf(documentBytes(sealed(kept))));
  } catch (error) {
    backup.log.debug(`the page is not kept: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const keyOf = ({ config }: Backup): string => `core-backup-pages/${sha256(resolve(config.file)).slice(0, 16)}.json`;

const digestOf = ({ config }: Backup): string => sha256(JSON.stringify(config));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

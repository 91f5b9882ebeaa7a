import { errorRecord } from "../lib/errors.ts";
import { formatDuration, formatTime } from "../lib/format.ts";
import type { Log } from "../lib/log.ts";
import { withNotice } from "../lib/page/page.ts";
import { waitingPage } from "../lib/page/waiting-page.ts";
import { kept, type Look } from "./kept.ts";

/** What a browser is shown just now. */
export interface Shown {
  readonly text: string;
  /** It is the page, as old as it may be, and not what stands in for one. */
  readonly isPage: boolean;
  /** Where a newer one comes: after how long a browser is to look for it. */
  readonly againSeconds?: number;
}

interface StatusPageOptions {
  readonly now: () => Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A page and when it was begun. */
export interface MadePage {
  readonly at: Date;
  readonly text: string;
}

const FRESH_MS = 30_000;
const SOONEST_S = 2;
const LATEST_S = 60;

/**
 * The page of `serve`, which nobody waits for: of many snapshots it takes longer to make than anyone waits. The last one is shown with
 * how old it is, and the browser comes back when the newer one, which the look has begun, should be there. None is made that nobody looks
 * for: each time, all manifests are read. Until the first one is made, `make` may give an older one.
 */
export function statusPage(
  { now, log, signal }: StatusPageOptions,
  make: (older: (made: MadePage) => void) => Promise<MadePage>,
): () => Shown {
  let warned: string | undefined;
  const failed = (error: unknown) => {
    if (signal.aborted) return;
    const { code, message } = errorRecord(error, (text) => text);
    const text = `the page cannot be made: ${message}`;
    // Each load by a browser that is left open tries it again.
    if (text === warned) log.debug(text, { code });
    else log.warn(text, { code });
    warned = text;
  };
  const pages = kept<string>({ freshMs: FRESH_MS, failed }, now, async (older) => {
    const { text } = await make((made) => older({ at: made.at.getTime(), answer: made.text }));
    warned = undefined;
    return text;
  });
  return () => {
    const look = pages.look();
    const { last, making, failedAt } = look;
    if (making === undefined && failedAt === undefined && last !== undefined)
      return { text: last.answer, isPage: true };
    const state = stateOf(look, now());
    const againSeconds = againAfter(making, now());
    if (last === undefined) return { text: waitingPage(state), isPage: false, againSeconds };
    const age = formatDuration(Math.max(0, now().getTime() - last.at));
    return { text: withNotice(last.answer, `This is how it was ${age} ago. ${state}`), isPage: true, againSeconds };
  };
}

function stateOf({ making, failedAt, last }: Look<string>, now: Date): string {
  const what = last === undefined ? "The page" : "A newer page";
  const failed =
    failedAt === undefined
      ? ""
      : `${what} could not be made at ${formatTime(new Date(failedAt), "UTC")}: the log says why. `;
  if (making === undefined) return `${failed}It is tried again.`;
  return `${failed}${what} is being made, since ${formatDuration(Math.max(0, now.getTime() - making.since))}.`;
}

/** By how long the last one took; not so often that it is in the way of who reads. */
function againAfter(making: Look<string>["making"], now: Date): number {
  if (making === undefined) return FRESH_MS / 1000;
  const leftMs = (making.lastTookMs ?? 0) - (now.getTime() - making.since);
  return Math.min(LATEST_S, Math.max(SOONEST_S, Math.ceil(leftMs / 1000)));
}

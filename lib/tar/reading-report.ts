import type { Warning } from "../connectors/connector.ts";
import { SourceError } from "../errors.ts";
import { createNamedList, type NamedList } from "./named-list.ts";

/** What went otherwise than it should while one path was read. The walker and tar's messages fill it. */
export interface ReadingReport {
  /** Changed, grew or shrank while it was read. */
  readonly changed: NamedList;
  /** Listed, and gone before it was read. */
  readonly vanished: NamedList;
  /** Could not be read: these are missing in the archive, or hold zeros. */
  readonly unreadable: NamedList;
  readonly sockets: NamedList;
  /** Links that lead nowhere or in a circle, where links are followed. */
  readonly links: NamedList;
  /** Stored, but without something: an attribute that could not be read. */
  readonly remarks: NamedList;
  /** Anything that is understood as the end of the whole reading. */
  readonly fatal: NamedList;
}

export function createReadingReport(): ReadingReport {
  return {
    changed: createNamedList(),
    vanished: createNamedList(),
    unreadable: createNamedList(),
    sockets: createNamedList(),
    links: createNamedList(),
    remarks: createNamedList(),
    fatal: createNamedList(),
  };
}

/** Tells what went otherwise. @throws SourceError `SOURCE_INCOMPLETE` when something could not be read */
export function settle(report: ReadingReport, source: string, warn: (warning: Warning) => void): void {
  for (const warning of warningsOf(report)) warn(warning);
  const { unreadable } = report;
  if (unreadable.count === 0) return;
  const what = unreadable.count === 1 ? "1 entry" : `${unreadable.count} entries`;
  throw new SourceError(
    "SOURCE_INCOMPLETE",
    `${source}: ${what} could not be read, the rest is stored: ${unreadable.summary()}`,
  );
}

/** One warning a name for what was named, and one for how many more there were. */
export function warningsOf(report: ReadingReport): readonly Warning[] {
  return [
    ...warnings("FILE_CHANGED", "changed while it was read; the copy may mix old and new", report.changed),
    ...warnings("FILE_VANISHED", "was gone before it could be read", report.vanished),
    ...warnings("SOCKET_SKIPPED", "is a socket, of which there is nothing to store", report.sockets),
    ...warnings("LINK_NOT_FOLLOWED", "was not followed", report.links),
    ...warnings("FILE_REMARK", "was stored with a remark of tar", report.remarks),
  ];
}

function warnings(code: string, what: string, list: NamedList): readonly Warning[] {
  const named = list.shown.map((name) => ({ code, message: `${name} ${what}` }));
  const rest = list.count - list.shown.length;
  return rest === 0 ? named : [...named, { code, message: `and ${rest} more` }];
}

import type { SourceError } from "../../errors.ts";
import { holeFacts, holeIn } from "./count-check.ts";
import type { KindEnd } from "./end-kind.ts";
import { beginLines, noteLine } from "./hearing.ts";
import { hearKept, warnOfSealedTexts } from "./kept-lines.ts";
import { isSubject } from "./kind-context.ts";
import { linesIn } from "./kind-parts.ts";
import type { Line } from "./lines.ts";
import type { KindContext, KindReading } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";

export interface WatchedReading extends KindReading {
  /** Whether the lines have passed. */
  ended(): boolean;
  /** After the last line. */
  end(state: "READ" | "EMPTY"): KindEnd;
}

/** Tells when the lines have passed and what their count is worth, shows them to all that hear them, and looks at the one that says what the subject is. */
export function watched(work: SubjectWork, context: KindContext, reading: KindReading): WatchedReading {
  const { kind, begun, probe } = context;
  let ended = false;
  let count = 0;
  let hole: SourceError | undefined;
  return {
    ...reading,
    async *lines(): AsyncGenerator<Line> {
      ended = false;
      count = 0;
      hole = undefined;
      beginLines(work, kind);
      if (begun !== undefined && (await hearKept(work, kind)) === false) warnOfSealedTexts(work, kind);
      for await (const line of reading.lines()) {
        if (isSubject(kind)) work.subject = line.json;
        noteLine(work, kind, line);
        count += 1;
        yield line;
      }
      if (reading.stopped?.() !== undefined) return;
      hole = await holeIn(work, kind, linesIn(begun?.parts ?? []) + count);
      ended = true;
    },
    facts: () => ({ ...reading.facts?.(), ...holeFacts(hole) }),
    ended: () => ended,
    end: (state) => ({
      hole,
      gone: { keys: reading.deleted(), items: reading.deletedItems?.() ?? [] },
      state: { state, ...reading.state(), ...(probe === undefined ? {} : { probe }) },
    }),
  };
}

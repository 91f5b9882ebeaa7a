import { createHash } from "node:crypto";
import { bytesOf } from "../../bytes.ts";
import type { Facts, Item } from "../connector.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import type { Session } from "./session.ts";
import type { Collected } from "./state.ts";

/** `collected.json`, the last artifact of each unit. When nothing changed it is the last snapshot's, with this run's figures as facts. `more`: what the next run has to know also where the snapshot is sealed to it. */
export function summaryItem(
  collected: Collected,
  previous: PreviousSubject,
  { stats, account }: Pick<Session, "stats" | "account">,
  more: Facts,
): Item {
  const text = `${JSON.stringify(collected, null, 2)}\n`;
  const { requests, notModified, points, bytes } = stats;
  const remaining = account().limits.remaining.get("core");
  const facts: Facts = {
    kinds: Object.keys(collected.kinds).length,
    sha256: createHash("sha256").update(text).digest("hex"),
    states: Object.fromEntries(Object.entries(collected.kinds).map(([name, { state }]) => [name, state])),
    ...more,
    stats: { requests, notModified, points, bytes, ...(remaining === undefined ? {} : { remaining }) },
  };
  let ended = false;
  const isUnchanged = previous.collectedText === text;
  return {
    name: "collected.json",
    contentType: "application/json",
    compress: true,
    restore: "cat {}",
    unchanged: isUnchanged,
    async *open() {
      ended = false;
      yield* bytesOf(text);
      ended = true;
    },
    facts() {
      if (!ended && !isUnchanged) throw new Error("collected.json was asked for its facts before its last byte");
      return facts;
    },
  };
}

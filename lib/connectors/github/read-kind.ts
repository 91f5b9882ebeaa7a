import { readChanged } from "./read-changed.ts";
import { readEach } from "./read-each.ts";
import { readNewest } from "./read-newest.ts";
import { readSimple } from "./read-simple.ts";
import type { KindContext, KindReading } from "./reading.ts";

/** Asks the first question about a kind. @throws UnreadableError | SourceError | TransientError | DeferredError */
export function readKind(context: KindContext): Promise<KindReading> {
  switch (context.kind.reading.how) {
    case "object":
    case "list":
      return readSimple(context);
    case "each":
      return readEach(context);
    case "newest":
      return readNewest(context);
    case "changed":
      return readChanged(context);
  }
}

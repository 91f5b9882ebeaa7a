import type { JsonValue } from "./connectors/connector.ts";
import type { Artifact, ManifestWarning } from "./manifest.ts";

/** What has been done for a unit so far; a record can be made of it at any moment. */
export interface UnitProgress {
  artifacts: Artifact[];
  warnings: ManifestWarning[];
  attempts: number;
  /** An earlier process began this unit in this run, so its artifacts may be there without a word of ours. */
  readonly begunBefore: boolean;
  /** Artifacts that were begun. Of those that are not in `artifacts` nobody knows whether they lie there. */
  readonly begun: Set<string>;
  /** The next attempt goes on where the source had us wait: what is stored stays. */
  resuming: boolean;
  /** What the connector noted before that wait; undefined where it noted nothing. */
  readonly notedBefore: unknown;
  /** Answers what it notes for the next one. Set by each attempt. */
  note: (() => JsonValue) | undefined;
}

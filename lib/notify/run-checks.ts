import type { ManifestWarning } from "../manifest.ts";

/** What was found out, beside runs, about what is outside of the backup. */
export interface RunChecks {
  /** This job's run has its lease: jobs that wait for room, or are refused, are not running. */
  begun(job: string, since: Date): void;
  /** What the manifest of this job's run has to say of it. Throws nothing. */
  warnings(job: string): Promise<readonly ManifestWarning[]>;
  /** Once nothing of its beginning is under way any more, which could arrive after its end. Throws nothing. */
  settled(job: string): Promise<void>;
}

import type { ManifestWarning } from "../manifest.ts";

/** What was found out, beside runs, about what is outside of the backup. */
export interface RunChecks {
  /** What the manifest of this job's run has to say of it. Throws nothing. */
  warnings(job: string): Promise<readonly ManifestWarning[]>;
}

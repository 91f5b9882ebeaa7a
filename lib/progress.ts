import type { ManifestUnit } from "./manifest.ts";

/** What a run tells while it goes on, for a terminal or a log. Results are not told here: the steps return those. */
export type RunEvent =
  | {
      readonly type: "planned";
      readonly job: string;
      readonly run: string;
      readonly snapshot: string;
      readonly units: number;
    }
  | {
      readonly type: "unit-started";
      readonly job: string;
      readonly unit: string;
      readonly expectedBytes: number | undefined;
    }
  /** It had ended before the run was taken up again, and is not collected anew. */
  | { readonly type: "unit-kept"; readonly job: string; readonly unit: string; readonly result: ManifestUnit }
  | { readonly type: "unit-bytes"; readonly job: string; readonly unit: string; readonly sourceBytes: number }
  | { readonly type: "unit-waiting"; readonly job: string; readonly unit: string; readonly until: Date | undefined }
  | { readonly type: "unit-ended"; readonly job: string; readonly unit: string; readonly result: ManifestUnit }
  | { readonly type: "verifying"; readonly job: string; readonly artifacts: number }
  | { readonly type: "verified"; readonly job: string; readonly path: string };

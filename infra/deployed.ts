import type { EfsMount } from "./efs.ts";

/** What the parameters of a deployment give its jobs. */
export interface Deployed {
  readonly mounts: readonly EfsMount[];
  /** Of tasks, as `--param=image` has it. */
  readonly image: string;
}

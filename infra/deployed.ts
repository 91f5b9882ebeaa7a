import type { EfsMount } from "./efs.ts";
import type { MongodbTools } from "./mongodb-tools.ts";

/** What the parameters of a deployment give its jobs. */
export interface Deployed {
  readonly mounts: readonly EfsMount[];
  /** Of tasks, as `--param=image` has it. */
  readonly image: string;
  /** In the image that is built. */
  readonly tools: MongodbTools | undefined;
}

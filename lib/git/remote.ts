import type { Location } from "./location.ts";

/** A repository to read, and how ssh is to reach it where that is the way. */
export interface GitRemote {
  readonly location: Location;
  /** Patterns of refs; undefined for all that the server shows. */
  readonly refs: readonly string[] | undefined;
  /** A private key for ssh; undefined for what ssh itself would use. */
  readonly sshKeyFile: string | undefined;
  readonly sshKnownHostsFile: string | undefined;
}

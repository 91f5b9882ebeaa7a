import type { Report } from "../notify/report.ts";
import type { Redaction } from "../secrets/redaction.ts";
import type { SecretResolver } from "../secrets/secrets.ts";

/**
 * Who is told. Every method ends with the signal, which is aborted when the notifier's time is over. All throw
 * `TransientError` `NOTIFIER_UNREACHABLE` for what is tried again, `NotifierError` for what is not, and
 * `ConfigError` `SECRET_MISSING`; no message holds an address that is a secret.
 */
export interface Notifier {
  /** False for one that is no substitute for another: what it gets is no message for people. */
  readonly takesOver: boolean;
  /** Looks whether it could tell: it answers, its certificate is right, it lets us in. Nobody hears of it. */
  check(signal: AbortSignal): Promise<void>;
  /** Runs begin. Most have nobody to tell that. */
  begin(begun: Begun, signal: AbortSignal): Promise<void>;
  /** Tells all of the report, once: a second call is a second message. */
  send(report: Report, signal: AbortSignal): Promise<void>;
  /** Of one that counts runs: that they ended, well or not. `send` does not tell it that. */
  ping?(report: Report, signal: AbortSignal): Promise<void>;
  /** Of a report that it threw at: the jobs that were told all the same, or that some of those behind it heard of. */
  heardOf?(report: Report): readonly string[];
}

export interface Begun {
  readonly kind: "begin";
  readonly jobs: readonly string[];
  readonly at: string;
}

export interface NotifierContext {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
}

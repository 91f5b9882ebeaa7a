/** One way to be somebody at GitHub, with what is known of its limits. */
export interface Account {
  /** For people: `token`, `token 2`, `app 1234`. Never the secret. */
  readonly name: string;
  /** The value of the `Authorization` header for the API, renewed when it is about to end. @throws ConfigError | SourceError | TransientError */
  authorization(signal: AbortSignal): Promise<string>;
  /** The same for git and LFS, which want Basic. */
  basic(signal: AbortSignal): Promise<string>;
  /** Forgets a token that GitHub refused. Answers false where there is no other to be had. */
  renew(): boolean;
  /** Whether GitHub says that no repository of this owner is hidden from it. @throws as `authorization` does */
  seesAllOf(owner: string, signal: AbortSignal): Promise<boolean>;
  /** When the token in use was made, for one that was made by us. */
  madeAt(): number | undefined;
  readonly limits: AccountLimits;
}

/** Moments are milliseconds. */
export interface AccountLimits {
  /** Nothing is sent before: a secondary limit, or a primary one that is used up. By resource: core, graphql. */
  readonly blockedUntil: Map<string, number>;
  readonly remaining: Map<string, number>;
  /** GitHub refused these credentials (401): nothing more is asked with them while others are left. */
  isRefused: boolean;
}

export const freshLimits = (): AccountLimits => ({ blockedUntil: new Map(), remaining: new Map(), isRefused: false });

/** GitHub takes any name beside a token, and this is the one that it documents. */
export const basicOf = (token: string): string => `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;

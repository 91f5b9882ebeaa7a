/** Where a secret's value is, on this machine or in the configuration itself. */
export type LocalSecretReference =
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "literal"; readonly value: string };

/** `secret`: AWS Secrets Manager. `ssm`: the Parameter Store. A name or ARN, with `#field` for a value that is JSON. */
export interface AwsSecretReference {
  readonly from: "secret" | "ssm";
  readonly reference: string;
}

/** Where a secret's value is. `vault` has the form `mount/path#field`. */
export type SecretReference =
  | LocalSecretReference
  | { readonly from: "vault"; readonly reference: string }
  | AwsSecretReference;

export interface SecretResolver {
  /**
   * The value, which is known to redaction from then on, unless it `isSecret: false`: a bucket's name that only happens to
   * come from a variable, and that every message should hold. @throws ConfigError `SECRET_MISSING` | TransientError
   */
  resolve(reference: SecretReference, options?: { readonly isSecret: boolean }): Promise<string>;
}

/** Values of earlier invocations of the same process. Nothing of it is ever written anywhere. */
export interface KeptSecrets {
  /** Another invocation begins. */
  begin(): void;
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  /** Forgets them all where one was used since `begin`, and answers whether it was. */
  forgetUsed(): boolean;
}

/** Where a secret's value is, on this machine or in the configuration itself. */
export type LocalSecretReference =
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "literal"; readonly value: string };

/** Where a secret's value is. `vault` has the form `mount/path#field`. */
export type SecretReference = LocalSecretReference | { readonly from: "vault"; readonly reference: string };

export interface SecretResolver {
  /** The value, which is known to redaction from then on. @throws ConfigError `SECRET_MISSING` | TransientError */
  resolve(reference: SecretReference): Promise<string>;
}

import { ConfigError } from "../errors.ts";
import type { SecretReference, SecretResolver } from "../secrets/secrets.ts";

/** The value of a secret without which there is nobody to tell. @throws ConfigError `SECRET_MISSING` | TransientError */
export async function requiredSecret(
  secrets: SecretResolver,
  reference: SecretReference | undefined,
  name: string,
): Promise<string> {
  if (reference !== undefined) return (await secrets.resolve(reference)).trim();
  throw new ConfigError(`${name} is not given`, { code: "SECRET_MISSING" });
}

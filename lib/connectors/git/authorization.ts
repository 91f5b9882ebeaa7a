import type { ConnectorContext } from "../connector.ts";
import type { Repository } from "./repositories.ts";

/** The `Authorization` header for a repository; undefined for one without credentials. @throws ConfigError `SECRET_MISSING` */
export type Authorizer = (repository: Repository) => Promise<string | undefined>;

export function authorizer({ secrets, redaction }: ConnectorContext): Authorizer {
  return async ({ username, secret }) => {
    if (secret === undefined) return undefined;
    const encoded = Buffer.from(`${username}:${await secrets.resolve(secret)}`).toString("base64");
    // A server may quote the header in its errors, and what is encoded is as good as what is not.
    redaction.add(encoded);
    return `Basic ${encoded}`;
  };
}

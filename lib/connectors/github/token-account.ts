import type { SecretReference } from "../../secrets/secrets.ts";
import type { ConnectorContext } from "../connector.ts";
import { type Account, basicOf, freshLimits } from "./account.ts";

/** A personal access token, classic or fine-grained, or one that another program made. */
export function tokenAccount(name: string, reference: SecretReference, context: ConnectorContext): Account {
  const { secrets, redaction } = context;
  return {
    name,
    authorization: async () => `Bearer ${await secrets.resolve(reference)}`,
    async basic() {
      const value = basicOf(await secrets.resolve(reference));
      redaction.add(value.slice("Basic ".length));
      return value;
    },
    renew: () => false,
    // GitHub tells nobody what a token is shown.
    seesAllOf: async () => false,
    madeAt: () => undefined,
    limits: freshLimits(),
  };
}

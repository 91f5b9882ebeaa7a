import { type Account, freshLimits } from "../../lib/connectors/github/account.ts";

/** An account whose token every server of a test takes. */
export const aGithubAccount = (): Account => ({
  name: "the token",
  authorization: async () => "Bearer t",
  basic: async () => "Basic t",
  renew: () => false,
  seesAllOf: async () => false,
  madeAt: () => undefined,
  limits: freshLimits(),
});

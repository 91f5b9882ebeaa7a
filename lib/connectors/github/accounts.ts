import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { ConnectorContext } from "../connector.ts";
import type { Account } from "./account.ts";
import { type AppAccount, appAccount } from "./app-account.ts";
import type { GithubOptions } from "./options.ts";
import { tokenAccount } from "./token-account.ts";

export interface Accounts {
  readonly all: readonly Account[];
  readonly app: AppAccount | undefined;
}

/** Where nothing is said, the token is where GitHub's own programs look for it. */
const USUAL = { from: "env", name: "GITHUB_TOKEN" } as const;

export function accountsOf(options: GithubOptions, context: ConnectorContext): Accounts {
  const { app, tokens, organization, user } = options;
  if (app !== undefined) {
    const privateKey = secretOf(app, "private_key");
    if (privateKey === undefined) throw new ConfigError("the GitHub App has no private key");
    const owner =
      organization !== undefined
        ? ({ kind: "orgs", name: organization } as const)
        : user === undefined
          ? undefined
          : ({ kind: "users", name: user } as const);
    const account = appAccount(
      { id: app.id, privateKey, installationId: app.installation_id, owner },
      options.api_url,
      context,
    );
    return { all: [account], app: account };
  }
  const references =
    tokens === undefined ? [secretOf(options, "token") ?? USUAL] : tokens.map((one) => secretOf(one, "token") ?? USUAL);
  const name = (n: number) => (references.length === 1 ? "the token" : `token ${n + 1}`);
  return { all: references.map((reference, n) => tokenAccount(name(n), reference, context)), app: undefined };
}

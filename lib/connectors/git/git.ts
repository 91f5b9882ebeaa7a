import { ConfigError, SourceError } from "../../errors.ts";
import { openConversation } from "../../git/conversation.ts";
import { bundleItem } from "../../git/item.ts";
import { proveBundle } from "../../git/prove.ts";
import { isEmpty } from "../../git/refs.ts";
import { restoreBundle } from "../../git/restore.ts";
import type { CollectContext, Connector, ConnectorContext, ConnectorKind, Unit } from "../connector.ts";
import { type Authorizer, authorizer } from "./authorization.ts";
import { type GitOptions, gitOptions } from "./options.ts";
import { parseRepositories, type Repository } from "./repositories.ts";
import { listUnits } from "./units.ts";

/** Git repositories anywhere: each becomes a bundle, streamed from the server without a clone where that can be. */
export const git: ConnectorKind<GitOptions> = {
  options: gitOptions,
  create: async (options, context) => gitConnector(options, context),
  restore: restoreBundle,
  next: () => [],
  targets: [],
};

function gitConnector(options: GitOptions, context: ConnectorContext): Connector {
  const { repositories } = parseRepositories(options.repositories);
  const authorize = authorizer(context);
  return {
    async prepare() {
      for (const repository of repositories) await authorize(repository);
    },
    units: (signal) => listUnits(repositories, authorize, signal),
    collect: (unit, collecting) => collectRepository(named(repositories, unit), authorize, collecting),
    prove: proveBundle,
    async cleanup() {},
  };
}

async function* collectRepository(repository: Repository, authorize: Authorizer, { signal, warn }: CollectContext) {
  const authorization = await authorize(repository);
  const open = () => openConversation(repository, { authorization, signal });
  // The first reading of the item goes on where this one stops; a second one begins anew.
  let begun: Awaited<ReturnType<typeof open>> | undefined = await open();
  try {
    if (isEmpty(begun.listing)) throw nothingThere(repository);
    for (const pattern of begun.unmatched) {
      warn({ code: "GIT_REFS_UNMATCHED", message: `no ref of ${repository.id} matches ${pattern}` });
    }
    if (begun.cloned) {
      warn({
        code: "GIT_DUMB_HTTP",
        message: `${repository.id} is served as plain files, so git cloned it into a temporary folder`,
      });
    }
    if (authorization !== undefined && isPlaintext(repository)) {
      warn({
        code: "GIT_PLAINTEXT_CREDENTIALS",
        message: `the credentials of ${repository.id} travel unencrypted; use https`,
      });
    }
    yield bundleItem(async () => {
      const conversation = begun ?? (await open());
      begun = undefined;
      return conversation;
    });
  } finally {
    await begun?.close();
  }
}

function nothingThere(repository: Repository): SourceError {
  if (repository.refs === undefined)
    return new SourceError("SOURCE_EMPTY", `the repository ${repository.id} has no commits yet`);
  return new SourceError("SOURCE_NOT_FOUND", `no ref of ${repository.id} matches ${repository.refs.join(", ")}`);
}

function isPlaintext({ location }: Repository): boolean {
  return location.kind === "http" && /^http:\/\/(?!localhost[:/]|127\.|\[::1\])/.test(location.url);
}

function named(repositories: readonly Repository[], unit: Unit): Repository {
  const repository = repositories.find(({ id }) => id === unit.id);
  if (repository === undefined) throw new ConfigError(`no repository of the job is called ${unit.id}`);
  return repository;
}

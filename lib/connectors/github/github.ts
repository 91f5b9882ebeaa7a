import { SourceError } from "../../errors.ts";
import { sleepUnlessAborted } from "../../retry.ts";
import type { CollectContext, Connector, ConnectorContext, ConnectorKind, Unit, Warning } from "../connector.ts";
import { accountsOf } from "./accounts.ts";
import { budgetOf } from "./budget.ts";
import { chosenKinds } from "./chosen-kinds.ts";
import { collectGist } from "./collect-gist.ts";
import { collectOwner } from "./collect-owner.ts";
import { collectRepository } from "./collect-repository.ts";
import { gateOf } from "./gate.ts";
import type { Github } from "./github-context.ts";
import { listingState, notedListing } from "./listing-state.ts";
import { type GithubOptions, githubOptions } from "./options.ts";
import { preflight } from "./preflight.ts";
import { missingRights } from "./probe-rights.ts";
import { proveGithub } from "./prove.ts";
import { restoreGithub } from "./restore.ts";
import { scopeOf } from "./scope.ts";
import { openSession, type Session, type Waiting } from "./session.ts";
import { listUnits, sortOf, type UnitInput, unitInput } from "./units.ts";
import { webUrlOf } from "./web-url.ts";

/** Repositories of an organization or user at GitHub: git, wikis, issues, pull requests, releases, settings. */
export const github: ConnectorKind<GithubOptions> = {
  options: githubOptions,
  create: async (options, context) => githubConnector(options, context),
  restore: restoreGithub,
  next: () => [],
  targets: [],
};

/** GitHub would have requests one after the other, and at most a hundred at once; this is fast enough to be bound by its answers. */
const AT_ONCE = 8;
/** Two thirds of the time that a function has for it. */
const LISTED_AT_ONCE_MS = 10 * 60_000;

function githubConnector(options: GithubOptions, context: ConnectorContext): Connector {
  const accounts = accountsOf(options, context);
  const { now } = context;
  const github: Github = {
    options,
    redact: context.redaction.redact,
    chosen: chosenKinds(options.include, options.skip),
    scope: scopeOf(options),
    webUrl: options.web_url ?? webUrlOf(options.api_url),
    api: {
      url: options.api_url,
      accounts: accounts.all,
      gate: gateOf(AT_ONCE),
      budget: budgetOf(options.max_requests_per_hour, accounts.all.length),
      now,
    },
  };
  const subjects = [
    "repository",
    ...(options.organization === undefined ? [] : ["organization"]),
    ...(options.user === undefined ? [] : ["user", "gist"]),
  ];
  const asked = github.chosen.all.filter(({ subject }) => subjects.includes(subject));
  const listing = (signal: AbortSignal): Waiting => ({
    signal,
    defer: (until, why) =>
      context.defer?.(until, why, signal) ?? sleepUnlessAborted(Math.max(0, until.getTime() - now().getTime()), signal),
  });
  return {
    async prepare(signal) {
      await preflight(github.api, accounts, asked, listing(signal));
    },
    async *units(signal, { preview = false, known = [], checkpoint } = {}) {
      const { warnings, untold } = await preflight(github.api, accounts, asked, listing(signal));
      const session = openSession(github.api, "listing", listing(signal), { isSteady: true });
      const pauseMs = checkpoint === undefined ? undefined : github.api.now().getTime() + LISTED_AT_ONCE_MS;
      const state = listingState(checkpoint?.before, pauseMs);
      checkpoint?.note(() => notedListing(state));
      // Told with the first unit, which may be listed by now.
      let news = state.sorts.size === 0 ? warnings : [];
      for await (const unit of listUnits(github, session, known, state)) {
        const input = unitInput.parse(unit.input);
        if (preview) news = [...news, ...notShown(unit.id, input)];
        // The first one of each sort stands for all: asking for each would cost what a run costs.
        const sort = sortOf(input);
        const isFirst = !state.sorts.has(sort);
        state.sorts.add(sort);
        if (preview && isFirst) {
          for (const { account, isClassic } of untold) {
            if (isClassic && !isOfAnother(input)) continue;
            const own = openSession({ ...github.api, accounts: [account] }, "rights", listing(signal));
            const lacking = await rightsOf(github, own, input);
            const of = `${unit.id}, the first of the ${sort}`;
            const message = `${account.name} cannot read ${lacking.join(", ")} of ${of}`;
            if (lacking.length > 0) news = [...news, { code: "GITHUB_RIGHTS", message }];
          }
        }
        const told = [...news, ...(unit.warnings ?? [])];
        yield {
          ...unit,
          ...(told.length === 0 ? {} : { warnings: told }),
          // A run finds out by reading it.
          ...(isFirst && untold.length > 0 ? { input: { ...input, tellsRightsOf: sort } } : {}),
        };
        news = [];
      }
    },
    collect: (unit, collecting) => collectUnit(github, unit, collecting),
    prove: proveGithub,
    async cleanup() {},
  };
}

/** Of what their user does not administer, the scopes of a classic token do not tell all. */
const isOfAnother = (input: UnitInput): boolean => input.subject === "repository" && input.isAdmin === false;

async function rightsOf({ chosen }: Github, session: Session, input: UnitInput): Promise<readonly string[]> {
  switch (input.subject) {
    case "repository":
      return missingRights(session, chosen.of("repository"), { owner: input.owner, repo: input.name });
    case "organization":
      return missingRights(session, chosen.of("organization"), { org: input.name });
    case "user":
      return missingRights(session, chosen.of("user"), { username: input.name });
    case "gist":
      return missingRights(session, chosen.of("gist"), { gist_id: input.id });
    case "missing":
    case "absent":
      return [];
  }
}

/** What is going to fail is told before it does. */
function notShown(id: string, input: UnitInput): readonly Warning[] {
  if (input.subject === "absent") return [{ code: input.code, message: input.why }];
  if (input.subject !== "missing") return [];
  return [{ code: "SOURCE_NOT_FOUND", message: `GitHub does not show ${id} to these credentials (${input.why})` }];
}

async function* collectUnit(github: Github, unit: Unit, context: CollectContext) {
  const input = unitInput.parse(unit.input);
  switch (input.subject) {
    case "missing":
      throw new SourceError(
        "SOURCE_NOT_FOUND",
        `GitHub does not show ${unit.id} to these credentials (${input.why}); the configuration names it`,
      );
    case "absent":
      throw new SourceError(input.code, input.why);
    case "organization":
      yield* collectOwner(github, unit, "organization", { org: input.name }, context);
      return;
    case "user":
      yield* collectOwner(github, unit, "user", { username: input.name }, context);
      return;
    case "gist":
      yield* collectGist(github, unit, input.id, context);
      return;
    case "repository":
      yield* collectRepository(github, unit, input, context);
  }
}

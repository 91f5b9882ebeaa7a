import { readArtifact } from "../../lib/artifact.ts";
import type { Backup } from "../../lib/backup.ts";
import { readAll } from "../../lib/bytes.ts";
import type { Connector } from "../../lib/connectors/connector.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { listingDeferral } from "../../lib/deferral.ts";
import type { Decryption } from "../../lib/encryption/encryption.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import type { LeasedBackup } from "../../lib/lease/under-lease.ts";
import { type JobResult, runJobs } from "../../lib/run.ts";
import { aBackup } from "./a-backup.ts";
import type { GithubServer, Json } from "./github-server.ts";

export interface GithubBackup {
  readonly a: ReturnType<typeof aBackup>;
  /** One run of the job. Another connector each time, as another process would have. */
  run(): Promise<JobResult>;
  /** The same job with another configuration. */
  withOptions(options: Readonly<Record<string, unknown>>): GithubBackup;
  /** For calling single steps: with a connector of its own, as a function has; it leaves waiting to others. */
  inFunction(): Promise<LeasedBackup>;
  /** The objects of a kind as they are stored. */
  stored(
    result: Pick<JobResult, "manifest" | "snapshot">,
    unit: string,
    kind: string,
  ): Promise<readonly Json[] | undefined>;
}

/** The objects of a kind in all of its parts, in their order. */
export async function storedParts(
  { stored }: Pick<GithubBackup, "stored">,
  result: Parameters<GithubBackup["stored"]>[0],
  unit: string,
  kind: string,
): Promise<readonly Json[]> {
  const all: Json[] = [];
  for (let part = 1; ; part += 1) {
    const some = await stored(result, unit, part === 1 ? kind : `${kind}-${part}`);
    if (some === undefined) return all;
    all.push(...some);
  }
}

/** A whole job over memory against a server: plan, collect, finish, verify with proof, prune. `decryption` is for `stored` alone. */
export function githubBackup(
  server: GithubServer,
  options: Readonly<Record<string, unknown>> = {},
  a = aBackup(),
  decryption?: Decryption,
): GithubBackup {
  // The organization itself has tests of its own.
  const skip =
    options.organizationToo === true
      ? options.skip
      : ["organization", ...(Array.isArray(options.skip) ? options.skip : [])];
  const { organizationToo: _, ...given } = options;
  const parsed = github.options.parse({
    organization: "my-org",
    api_url: server.apiUrl,
    web_url: server.webUrl,
    ...(given.tokens === undefined ? { token_env: "T" } : {}),
    ...given,
    ...(skip === undefined ? {} : { skip }),
  });
  // As the real resolver does.
  const known = (secret: string) => {
    a.backup.redaction.add(secret);
    return secret;
  };
  const make = (waits: Backup["waits"] = "here"): Promise<Connector> =>
    github.create(parsed, {
      defer: listingDeferral({ ...a.backup, waits }, "docs"),
      secrets: {
        // Of several tokens the server knows each by its name.
        resolve: async (reference) =>
          known(given.tokens !== undefined && reference.from === "env" ? `${reference.name}-token` : server.token),
      },
      redaction: a.backup.redaction,
      now: a.backup.now,
      avoid: [],
    });
  return {
    a,
    withOptions: (other) => githubBackup(server, other, a, decryption),
    async inFunction() {
      const connector = await make("elsewhere");
      return { ...a.backup, connector: async () => connector, kind: () => github, waits: "elsewhere" };
    },
    async run() {
      const connector = await make();
      const backup: Backup = { ...a.backup, connector: async () => connector, kind: () => github };
      const [result] = (await runJobs(backup, ["docs"])).jobs;
      if (result === undefined) throw new Error("the job has no result");
      a.later(86_400);
      return result;
    },
    async stored(result, id, kind) {
      const unit = result.manifest?.units.find((one) => one.id === id);
      const artifact = unit?.artifacts.find(({ path }) => path.includes(`/${kind}.json`));
      if (artifact === undefined) return undefined;
      const bytes = await readAll(
        readArtifact(a.storage, snapshotPrefix("docs", result.snapshot ?? ""), artifact, decryption),
        1e8,
      );
      const text = Buffer.from(bytes).toString("utf8");
      return kind === "collected"
        ? [JSON.parse(text)]
        : text
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line));
    },
  };
}

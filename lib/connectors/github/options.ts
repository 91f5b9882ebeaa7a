import * as z from "zod";
import { secretFields, secretOf } from "../../config/secret-fields.ts";
import { didYouMean } from "../../config/suggestion.ts";
import { duration } from "../../config/values.ts";
import { ALWAYS, chosenKinds, kindNames } from "./chosen-kinds.ts";
import { exclusionFault } from "./exclusion.ts";
import { namePattern, patternFault } from "./name-pattern.ts";

const login = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/, { error: "must be a GitHub login, such as my-org" });

const checked = (faultOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = faultOf(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

const kindName = z.string().superRefine((name, context) => {
  if (name === "all" || kindNames.includes(name)) return;
  context.addIssue({
    code: "custom",
    message: `unknown kind ${JSON.stringify(name)}${didYouMean(name, ["all", ...kindNames])}`,
  });
});

const httpUrl = (about: string) =>
  z
    .string()
    .superRefine((text, context) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      const isPlain =
        url !== undefined && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
      if (!isPlain || !/^https?:$/.test(url.protocol)) {
        context.addIssue({ code: "custom", message: "must be an http(s) URL without credentials" });
      }
    })
    .transform((text) => text.replace(/\/+$/, ""))
    .describe(about);

const app = z
  .strictObject({
    id: z
      .union([z.int().positive(), z.string().regex(/^\w+$/)], { error: "must be the App's id or its client id" })
      .transform(String)
      .describe("The App's id, or its client id."),
    ...secretFields("private_key"),
    installation_id: z.int().positive().optional().describe("Default: the installation of the organization or user."),
  })
  .refine((given) => secretOf(given, "private_key") !== undefined, {
    error: "is missing: give private_key_file (or …_env, …_vault)",
    path: ["private_key_file"],
  });

const token = z.strictObject({ ...secretFields("token") }).refine((given) => secretOf(given, "token") !== undefined, {
  error: "is missing: give token_env (or …_file, …_vault)",
  path: ["token_env"],
});

/** Options of `service: github`. */
export const githubOptions = z
  .strictObject({
    organization: login.optional().describe("Organization whose repositories are backed up."),
    user: login.optional().describe("User whose own repositories are backed up."),
    repositories: z
      .array(checked(patternFault))
      .optional()
      .describe(
        "Names, globs (`api-*`) or regular expressions (`/^api-/`); owner/name for others' repositories. Default: all.",
      ),
    exclude: z
      .array(checked(exclusionFault))
      .optional()
      .describe("Repositories to leave out, in the same forms; owner/name@number for the one with that number alone."),
    visibility: z
      .array(z.enum(["public", "private", "internal"]))
      .min(1)
      .optional()
      .describe("Only repositories of these visibilities."),
    archived: z.boolean().default(true).describe("Whether archived repositories are backed up. Default: true."),
    forks: z.boolean().default(true).describe("Whether forks are backed up. Default: true."),
    topics: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Only repositories with at least one of these topics."),
    include: z
      .array(kindName)
      .default([])
      .describe("Kinds of data beside the default ones (docs/github.md has the table), or all."),
    skip: z.array(kindName).default([]).describe("Kinds of data to leave out; all leaves only what include names."),
    require: z
      .array(kindName)
      .default([])
      .describe("Kinds whose unreadability fails a repository from the first run on."),
    on_absent: z
      .enum(["fail", "warn"])
      .default("fail")
      .describe(
        "What is not shown any more, and may be deleted or hidden: fail until it is in exclude, or warn once. Default: fail.",
      ),
    full_every: duration.prefault("7d").describe("How often lists are read whole, which finds deletions. Default: 7d."),
    max_requests_per_hour: z
      .int()
      .positive()
      .max(1_000_000)
      .optional()
      .describe("Leaves the rest of GitHub's limit to others."),
    api_url: httpUrl(
      "The REST API; https://HOST/api/v3 for GitHub Enterprise Server. Default: https://api.github.com.",
    ).default("https://api.github.com"),
    web_url: httpUrl("Where repositories are cloned from. Default: the host that belongs to api_url.").optional(),
    ...secretFields("token"),
    tokens: z.array(token).min(1).optional().describe("Several tokens, to spread the load."),
    app: app.optional().describe("A GitHub App instead of a token."),
  })
  .superRefine((options, context) => {
    for (const { path, message } of faultsOf(options)) context.addIssue({ code: "custom", message, path });
  });

export type GithubOptions = z.infer<typeof githubOptions>;

function faultsOf(options: z.infer<typeof githubOptions>): { path: (string | number)[]; message: string }[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  const { organization, user, repositories = [] } = options;
  if (organization === undefined && user === undefined) {
    if (repositories.length === 0)
      faults.push({
        path: ["organization"],
        message: "is missing: name an organization, a user, or repositories as owner/name",
      });
    for (const [n, text] of repositories.entries()) {
      if (namePattern(text).kind !== "full")
        faults.push({
          path: ["repositories", n],
          message: "must be owner/name where neither organization nor user is given",
        });
    }
  }
  const ways = [secretOf(options, "token"), options.tokens, options.app].filter((way) => way !== undefined);
  if (ways.length > 1) faults.push({ path: ["tokens"], message: "give one of token_…, tokens and app" });
  for (const [n, name] of options.skip.entries()) {
    if (name === ALWAYS) faults.push({ path: ["skip", n], message: `${name} is needed to read the rest` });
  }
  const chosen = chosenKinds(options.include, options.skip);
  for (const [n, name] of options.require.entries()) {
    if (name !== "all" && kindNames.includes(name) && !chosen.has(name))
      faults.push({ path: ["require", n], message: `${name} is not among the kinds that are backed up: include it` });
  }
  return faults;
}

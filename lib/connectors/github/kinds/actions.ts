import { isObject, type Json } from "../pages.ts";
import type { Child, Kind } from "./kind.ts";

const hasOwnPolicies = ({ deployment_branch_policy: policy }: Json): boolean =>
  isObject(policy) && policy.custom_branch_policies === true;

const ofEnvironments = (child: Omit<Child, "param">): Kind["reading"] => ({
  how: "each",
  over: "/repos/{owner}/{repo}/environments?per_page=100",
  overItems: "environments",
  field: "name",
  child: { param: "environment_name", ...child },
});

/** Actions, environments, variables, and the names of secrets: GitHub never gives a secret's value back. */
export const actionsKinds: readonly Kind[] = [
  {
    name: "actions_permissions",
    subject: "repository",
    what: "Which actions may run",
    permission: "administration:read",
    scope: "repo",
    byDefault: true,
    reading: { how: "object", path: "/repos/{owner}/{repo}/actions/permissions" },
  },
  {
    name: "actions_workflow_permissions",
    subject: "repository",
    what: "What a workflow's token may do by default",
    permission: "administration:read",
    scope: "repo",
    byDefault: true,
    reading: { how: "object", path: "/repos/{owner}/{repo}/actions/permissions/workflow" },
  },
  ...(
    [
      ["actions_selected", "Which actions may run, where only some may", "permissions/selected-actions"],
      ["actions_access", "From where else its workflows and actions may be used", "permissions/access"],
      ["actions_retention", "How long artifacts and logs are kept", "permissions/artifact-and-log-retention"],
      [
        "actions_fork_approval",
        "Whose pull requests run workflows only once approved",
        "permissions/fork-pr-contributor-approval",
      ],
      ["actions_oidc", "What the subject of workflows' OpenID tokens is made of", "oidc/customization/sub"],
    ] as const
  ).map(
    ([name, what, below]): Kind => ({
      name,
      subject: "repository",
      what,
      permission: "administration:read",
      scope: "repo",
      byDefault: false,
      absent: "DISABLED",
      reading: { how: "object", path: `/repos/{owner}/{repo}/actions/${below}` },
    }),
  ),
  {
    name: "workflows",
    subject: "repository",
    what: "Workflows and whether they are active",
    permission: "actions:read",
    scope: "repo",
    byDefault: true,
    reading: { how: "list", path: "/repos/{owner}/{repo}/actions/workflows?per_page=100", items: "workflows" },
  },
  {
    name: "variables",
    subject: "repository",
    what: "Variables of Actions, with their values",
    permission: "actions_variables:read",
    scope: "repo",
    byDefault: true,
    key: "name",
    reading: { how: "list", path: "/repos/{owner}/{repo}/actions/variables?per_page=30", items: "variables" },
  },
  {
    name: "secret_names",
    subject: "repository",
    what: "Names of Actions secrets",
    permission: "secrets:read",
    scope: "repo",
    byDefault: true,
    key: "name",
    reading: { how: "list", path: "/repos/{owner}/{repo}/actions/secrets?per_page=100", items: "secrets" },
  },
  {
    name: "dependabot_secret_names",
    subject: "repository",
    what: "Names of Dependabot secrets",
    permission: "dependabot_secrets:read",
    scope: "repo",
    byDefault: false,
    key: "name",
    reading: { how: "list", path: "/repos/{owner}/{repo}/dependabot/secrets?per_page=100", items: "secrets" },
  },
  {
    name: "codespaces_secret_names",
    subject: "repository",
    what: "Names of Codespaces secrets",
    permission: "codespaces_secrets:read",
    scope: "repo",
    byDefault: false,
    key: "name",
    reading: { how: "list", path: "/repos/{owner}/{repo}/codespaces/secrets?per_page=100", items: "secrets" },
  },
  {
    name: "environments",
    subject: "repository",
    what: "Environments with their protection rules",
    permission: "actions:read",
    scope: "repo",
    byDefault: true,
    absent: "DISABLED",
    reading: { how: "list", path: "/repos/{owner}/{repo}/environments?per_page=100", items: "environments" },
  },
  {
    name: "environment_variables",
    subject: "repository",
    what: "Variables of each environment",
    permission: "environments:read",
    scope: "repo",
    byDefault: true,
    absent: "DISABLED",
    reading: ofEnvironments({
      path: "/repos/{owner}/{repo}/environments/{environment_name}/variables?per_page=30",
      items: "variables",
    }),
  },
  {
    name: "environment_secret_names",
    subject: "repository",
    what: "Names of each environment's secrets",
    permission: "environments:read",
    scope: "repo",
    byDefault: true,
    absent: "DISABLED",
    reading: ofEnvironments({
      path: "/repos/{owner}/{repo}/environments/{environment_name}/secrets?per_page=100",
      items: "secrets",
    }),
  },
  {
    name: "environment_branch_policies",
    subject: "repository",
    what: "Names of branches and tags that each environment takes, where it has its own",
    permission: "actions:read",
    scope: "repo",
    byDefault: true,
    absent: "DISABLED",
    reading: ofEnvironments({
      path: "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies?per_page=100",
      items: "branch_policies",
      when: hasOwnPolicies,
    }),
  },
  {
    name: "deployments",
    subject: "repository",
    what: "Deployments",
    permission: "deployments:read",
    scope: "repo",
    byDefault: false,
    reading: { how: "newest", path: "/repos/{owner}/{repo}/deployments?per_page=100", by: "id" },
  },
];

import type { Child, Kind, Reading } from "./kind.ts";

const PACKAGES = ["npm", "maven", "rubygems", "docker", "nuget", "container"] as const;

interface Row {
  readonly name: string;
  readonly what: string;
  readonly permission: string;
  readonly scope?: string;
  readonly byDefault?: boolean;
  readonly key?: string;
  readonly absent?: "DISABLED";
  readonly reading: Reading;
}

const kind = ({ scope = "read:org", byDefault = true, ...row }: Row): Kind => ({
  subject: "organization",
  scope,
  byDefault,
  ...row,
});
const list = (path: string, items?: string): Reading => ({
  how: "list",
  path,
  ...(items === undefined ? {} : { items }),
});
const ofTeams = (below: string): Reading => ({
  how: "each",
  over: "/orgs/{org}/teams?per_page=100",
  field: "slug",
  child: { path: `/orgs/{org}/teams/{team_slug}/${below}`, param: "team_slug" },
});
const PROJECT_FIELDS = "/orgs/{org}/projectsV2/{project_number}/fields?per_page=100";
const ofProjects = (child: Omit<Child, "param">): Reading => ({
  how: "each",
  over: "/orgs/{org}/projectsV2?per_page=100",
  field: "number",
  child: { ...child, param: "project_number" },
});

/** What an organization is apart from its repositories. */
export const organizationKinds: readonly Kind[] = [
  kind({
    name: "organization",
    what: "The organization and its settings. Classic tokens see all of them with `admin:org`",
    permission: "members:read",
    reading: { how: "object", path: "/orgs/{org}" },
  }),
  kind({
    name: "org_members",
    what: "Members",
    permission: "members:read",
    reading: list("/orgs/{org}/members?role=all&per_page=100"),
  }),
  kind({
    name: "org_owners",
    what: "Members who own the organization",
    permission: "members:read",
    reading: list("/orgs/{org}/members?role=admin&per_page=100"),
  }),
  kind({
    name: "org_outside_collaborators",
    what: "People with access who are no members",
    permission: "members:read",
    scope: "admin:org",
    reading: list("/orgs/{org}/outside_collaborators?per_page=100"),
  }),
  kind({
    name: "org_invitations",
    what: "Invitations that are open",
    permission: "members:read",
    scope: "admin:org",
    byDefault: false,
    reading: list("/orgs/{org}/invitations?per_page=100"),
  }),
  kind({
    name: "org_teams",
    what: "Teams, with their parents",
    permission: "members:read",
    reading: list("/orgs/{org}/teams?per_page=100"),
  }),
  kind({
    name: "org_team_members",
    what: "Members of each team",
    permission: "members:read",
    reading: ofTeams("members?role=all&per_page=100"),
  }),
  kind({
    name: "org_team_maintainers",
    what: "Maintainers of each team",
    permission: "members:read",
    reading: ofTeams("members?role=maintainer&per_page=100"),
  }),
  kind({
    name: "org_team_repositories",
    what: "Repositories of each team, with its permissions",
    permission: "members:read",
    reading: ofTeams("repos?per_page=100"),
  }),
  kind({
    name: "org_roles",
    what: "Roles of the organization",
    permission: "organization_custom_org_roles:read",
    scope: "admin:org",
    byDefault: false,
    absent: "DISABLED",
    reading: list("/orgs/{org}/organization-roles", "roles"),
  }),
  ...(["users", "teams"] as const).map((whose) =>
    kind({
      name: `org_role_${whose}`,
      what: `${whose === "users" ? "Members" : "Teams"} with each of these roles`,
      permission: "organization_custom_org_roles:read",
      scope: "admin:org",
      byDefault: false,
      absent: "DISABLED",
      reading: {
        how: "each",
        over: "/orgs/{org}/organization-roles",
        overItems: "roles",
        field: "id",
        child: { path: `/orgs/{org}/organization-roles/{role_id}/${whose}?per_page=100`, param: "role_id" },
      },
    }),
  ),
  kind({
    name: "org_hooks",
    what: "Webhooks of the organization, without their secrets",
    permission: "organization_hooks:read",
    scope: "admin:org_hook",
    reading: list("/orgs/{org}/hooks?per_page=100"),
  }),
  kind({
    name: "org_rulesets",
    what: "Rulesets of the organization, with their rules",
    permission: "organization_administration:write",
    scope: "admin:org",
    absent: "DISABLED",
    reading: {
      how: "each",
      over: "/orgs/{org}/rulesets?per_page=100",
      field: "id",
      child: { path: "/orgs/{org}/rulesets/{ruleset_id}", param: "ruleset_id", one: true },
    },
  }),
  kind({
    name: "org_properties",
    what: "Definitions of custom properties",
    permission: "organization_custom_properties:read",
    key: "property_name",
    absent: "DISABLED",
    reading: list("/orgs/{org}/properties/schema"),
  }),
  kind({
    name: "org_issue_types",
    what: "Types of issues",
    permission: "issue_types:read",
    absent: "DISABLED",
    reading: list("/orgs/{org}/issue-types"),
  }),
  kind({
    name: "org_installations",
    what: "GitHub Apps that are installed, with their permissions",
    permission: "organization_administration:read",
    scope: "admin:org",
    reading: list("/orgs/{org}/installations?per_page=100", "installations"),
  }),
  kind({
    name: "org_projects",
    what: "Projects",
    permission: "organization_projects:read",
    scope: "read:project",
    absent: "DISABLED",
    reading: list("/orgs/{org}/projectsV2?per_page=100"),
  }),
  kind({
    name: "org_project_fields",
    what: "Fields of each project",
    permission: "organization_projects:read",
    scope: "read:project",
    absent: "DISABLED",
    reading: ofProjects({ path: PROJECT_FIELDS }),
  }),
  kind({
    name: "org_project_items",
    what: "Items of each project, with the values of all fields. One request for each hundred",
    permission: "organization_projects:read",
    scope: "read:project",
    absent: "DISABLED",
    reading: ofProjects({
      path: "/orgs/{org}/projectsV2/{project_number}/items?per_page=100",
      fields: PROJECT_FIELDS,
    }),
  }),
  kind({
    name: "org_actions_permissions",
    what: "Which actions may run, and where",
    permission: "organization_administration:read",
    scope: "admin:org",
    reading: { how: "object", path: "/orgs/{org}/actions/permissions" },
  }),
  kind({
    name: "org_actions_workflow_permissions",
    what: "What a workflow's token may do by default",
    permission: "organization_administration:read",
    scope: "admin:org",
    reading: { how: "object", path: "/orgs/{org}/actions/permissions/workflow" },
  }),
  kind({
    name: "org_actions_selected",
    what: "Which actions may run, where only some may",
    permission: "organization_administration:read",
    scope: "admin:org",
    absent: "DISABLED",
    reading: { how: "object", path: "/orgs/{org}/actions/permissions/selected-actions" },
  }),
  kind({
    name: "org_actions_repositories",
    what: "Where Actions may run, where it is some repositories only",
    permission: "organization_administration:read",
    scope: "admin:org",
    absent: "DISABLED",
    reading: list("/orgs/{org}/actions/permissions/repositories?per_page=100", "repositories"),
  }),
  kind({
    name: "org_actions_retention",
    what: "How long artifacts and logs are kept",
    permission: "organization_administration:read",
    scope: "admin:org",
    absent: "DISABLED",
    reading: { how: "object", path: "/orgs/{org}/actions/permissions/artifact-and-log-retention" },
  }),
  kind({
    name: "org_actions_fork_approval",
    what: "Whose pull requests run workflows only once approved",
    permission: "organization_administration:read",
    scope: "admin:org",
    absent: "DISABLED",
    reading: { how: "object", path: "/orgs/{org}/actions/permissions/fork-pr-contributor-approval" },
  }),
  kind({
    name: "org_variables",
    what: "Variables of Actions, with their values",
    permission: "organization_actions_variables:read",
    scope: "admin:org",
    key: "name",
    reading: list("/orgs/{org}/actions/variables?per_page=30", "variables"),
  }),
  kind({
    name: "org_secret_names",
    what: "Names of Actions secrets",
    permission: "organization_secrets:read",
    scope: "admin:org",
    key: "name",
    reading: list("/orgs/{org}/actions/secrets?per_page=100", "secrets"),
  }),
  kind({
    name: "org_dependabot_secret_names",
    what: "Names of Dependabot secrets",
    permission: "organization_dependabot_secrets:read",
    scope: "admin:org",
    byDefault: false,
    key: "name",
    reading: list("/orgs/{org}/dependabot/secrets?per_page=100", "secrets"),
  }),
  kind({
    name: "org_runner_groups",
    what: "Groups of runners",
    permission: "organization_self_hosted_runners:read",
    scope: "admin:org",
    byDefault: false,
    reading: list("/orgs/{org}/actions/runner-groups?per_page=100", "runner_groups"),
  }),
  kind({
    name: "org_code_security",
    what: "Configurations of code security",
    permission: "organization_administration:write",
    byDefault: false,
    absent: "DISABLED",
    reading: list("/orgs/{org}/code-security/configurations?per_page=100"),
  }),
  ...PACKAGES.map((type) =>
    kind({
      name: `org_packages_${type}`,
      what: `List of ${type} packages. Shown to classic tokens alone`,
      permission: "packages:read",
      scope: "read:packages",
      byDefault: false,
      reading: list(`/orgs/{org}/packages?package_type=${type}&per_page=100`),
    }),
  ),
];

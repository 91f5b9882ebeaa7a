import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { definitionOf, type Template } from "./aws-stack.ts";
import { policiesOf } from "./policies.ts";
import { temporaryFolder } from "./stores.ts";

/** Built by test/peers/cfn-lint/build.sh. */
const BIN = join(import.meta.dirname, "../peers/.bin/cfn-lint/bin");

/** Why the linters cannot be asked here; in CI they have to be there. */
export const lintersMissing: string | false =
  process.env.CI !== "true" && !existsSync(BIN) ? "no cfn-lint: test/peers/cfn-lint/build.sh" : false;

/** cfn-lint knows no JSONata where the language has a number: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html */
const KNOWN_AS_RIGHT =
  /^E3601 '\{% [^']+ %\}' is not of type '(integer|number)' at '[^']*\/(ToleratedFailurePercentage|MaxConcurrency)'/;

const KNOWN_OF_POLICIES = [
  // parliament's copy of the reference has both kinds of executions as what this action needs, where one is enough.
  'RESOURCE_MISMATCH [{"action":"states:DescribeExecution","required_format":"arn:*:states:*:*:express:*:*:*"}]',
  // A condition on the key itself, which it looks for at the actions: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
  'UNKNOWN_CONDITION_FOR_ACTION "Unknown condition kms:ResourceAliases for action kms:Decrypt"',
  'UNKNOWN_CONDITION_FOR_ACTION "Unknown condition kms:ResourceAliases for action kms:GenerateDataKey"',
];

/** What cfn-lint has to say of a template, errors and warnings. */
export async function templateFindings(template: Template): Promise<readonly string[]> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "template.json");
  await writeFile(file, JSON.stringify(withTexts(template)));
  const printed = await printedBy("cfn-lint", ["--regions", "us-east-1", "--format", "json", file], folder.path);
  const found = JSON.parse(printed) as { Rule: { Id: string }; Message: string; Location: { Path: string[] | null } }[];
  return found
    .map(({ Rule, Message, Location }) => `${Rule.Id} ${Message} (${(Location.Path ?? []).join("/")})`)
    .filter((line) => !KNOWN_AS_RIGHT.test(line));
}

/** It looks into no definition that stands in a mapping: of each there is one more machine, which has the text itself. */
function withTexts(template: Template): Template {
  const machines = Object.values(template.Resources).filter(({ Type }) => Type === "AWS::StepFunctions::StateMachine");
  const written = machines.map((machine) => {
    const DefinitionString = definitionOf(template, machine.Properties);
    return [DefinitionString, { ...machine, Properties: { ...machine.Properties, DefinitionString } }] as const;
  });
  const more = [...new Map(written).values()].map((machine, n) => [`Written${n}`, machine]);
  return { ...template, Resources: { ...template.Resources, ...Object.fromEntries(more) } };
}

/** What parliament has to say of the rights of a template's roles: actions and conditions that do not exist, resources that an action does not have. */
export async function policyFindings(template: Template): Promise<readonly string[]> {
  await using folder = await temporaryFolder();
  const policies = policiesOf(template);
  if (policies.length === 0) throw new Error("a template without roles");
  for (const { role, document } of policies)
    await writeFile(join(folder.path, `${role}.json`), JSON.stringify(document));
  const args = ["--directory", folder.path, "--include_policy_extension", ".json", "--json"];
  const lines = (await printedBy("parliament", args, folder.path)).split("\n").filter((line) => line !== "");
  const findings = lines.map((line) => {
    const { issue, detail, location } = JSON.parse(line) as {
      issue: string;
      detail: unknown;
      location: { filepath: string };
    };
    return `${issue} ${JSON.stringify(detail)} (${location.filepath.slice(folder.path.length + 1, -".json".length)})`;
  });
  return findings.filter((line) => !KNOWN_OF_POLICIES.some((known) => line.startsWith(known)));
}

/** Both end with another code than 0 when they have something to say; when they cannot be asked they say it on stderr alone. */
async function printedBy(program: string, args: readonly string[], HOME: string): Promise<string> {
  const options = { env: { PATH: process.env.PATH, HOME }, maxBuffer: 1 << 26 };
  try {
    return (await promisify(execFile)(join(BIN, program), [...args], options)).stdout;
  } catch (error) {
    const { stdout = "" } = error as { stdout?: string };
    if (stdout.trim() === "") throw error;
    return stdout;
  }
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

/**
 * Draws the state machine as a Mermaid diagram (https://mermaid.js.org/syntax/stateDiagram.html); with `--write` into
 * docs/aws.md, where a test compares it.
 */

const ROOT = join(import.meta.dirname, "..");
const DEFINITION = join(ROOT, "statemachines/backup.asl.json");
const PAGE = join(ROOT, "docs/aws.md");
const BLOCK = /```mermaid\n[\s\S]*?```/;

interface Machine {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

interface State {
  readonly Type: string;
  readonly Next?: string | undefined;
  readonly Default?: string | undefined;
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[] | undefined;
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[] | undefined;
  readonly ItemProcessor?: Machine | undefined;
}

const machineSchema: z.ZodType<Machine> = z.object({
  StartAt: z.string(),
  States: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Next: z.string().optional(),
      Default: z.string().optional(),
      Choices: z.array(z.object({ Condition: z.string(), Next: z.string() })).optional(),
      Catch: z.array(z.object({ ErrorEquals: z.array(z.string()), Next: z.string() })).optional(),
      get ItemProcessor() {
        return machineSchema.optional();
      },
    }),
  ),
});

/** The fenced block for a page. */
export function drawing(definition: unknown): string {
  return ["```mermaid", "stateDiagram-v2", ...linesOf(machineSchema.parse(definition), "", "  "), "```"].join("\n");
}

export const drawnDefinition = (): string => drawing(JSON.parse(readFileSync(DEFINITION, "utf8")));

/** `within`: the map that holds the states. Ids are one space for all of them, so those inside begin with its name. */
function linesOf({ StartAt, States }: Machine, within: string, indent: string): readonly string[] {
  const idOf = (name: string) => within + name.replaceAll(/[^A-Za-z0-9]/g, "");
  const arrow = (from: string, to: string, label?: string) =>
    `${indent}${idOf(from)} --> ${to === "[*]" ? to : idOf(to)}${label === undefined ? "" : `: ${label}`}`;
  const named = Object.keys(States).filter((name) => idOf(name) !== name);
  return [
    ...named.map((name) => `${indent}state "${name}" as ${idOf(name)}`),
    `${indent}[*] --> ${idOf(StartAt)}`,
    ...Object.entries(States).flatMap(([name, state]) => [
      ...inner(idOf(name), state, indent),
      ...waysOut(state).map(([to, label]) => arrow(name, to, label)),
    ]),
  ];
}

function inner(id: string, { ItemProcessor }: State, indent: string): readonly string[] {
  if (ItemProcessor === undefined) return [];
  return [`${indent}state ${id} {`, ...linesOf(ItemProcessor, id, `${indent}  `), `${indent}}`];
}

function waysOut({ Type, Next, Default, Choices = [], Catch = [] }: State): readonly (readonly [string, string?])[] {
  return [
    ...(Next === undefined ? [] : [[Next] as const]),
    ...Choices.map(({ Condition, Next: to }) => [to, conditionText(Condition)] as const),
    ...(Default === undefined ? [] : [[Default, "otherwise"] as const]),
    ...Catch.map(({ ErrorEquals, Next: to }) => [to, ErrorEquals.map(errorText).join(", ")] as const),
    ...(Type === "Task" && Catch.length === 0 ? [["[*]", "its own error"] as const] : []),
    ...(Type === "Succeed" || Type === "Fail" ? [["[*]"] as const] : []),
  ];
}

const errorText = (name: string): string => (name === "States.ALL" ? "any error" : name);

/** `{% $states.input.result.status = 'deferred' %}` as `status = deferred`. */
const conditionText = (condition: string): string =>
  condition
    .replaceAll(/^\{%\s*|\s*%\}$/g, "")
    .replaceAll(/\$?[\w.]+\.(\w+)/g, "$1")
    .replaceAll(/['":;{}]/g, "");

if (process.argv[1] === import.meta.filename && process.argv.includes("--write")) {
  writeFileSync(
    PAGE,
    readFileSync(PAGE, "utf8").replace(BLOCK, () => drawnDefinition()),
  );
}

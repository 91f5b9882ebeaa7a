import type { Config } from "../lib/config/schema.ts";
import type { FunctionSpec } from "./functions.ts";
import { secretReferences } from "./secrets.ts";

/** Of the notifiers, what each needs is loaded by its own file. */
const NOTIFIERS = ["slack", "email", "pagerduty", "sns", "webhook"] as const;
const SECRET_CLIENTS = { secret: "client-secrets-manager", ssm: "client-ssm" } as const;

/** Files that a function of these jobs never loads, as they are found: notifiers that nobody has or it does not tell, clients for secrets of a kind that it reads none of. */
export function unusedModules({ connectors, notifiers }: FunctionSpec, config: Config): readonly RegExp[] {
  const told = new Set<string>(notifiers ? Object.values(config.notifications).map(({ type }) => type) : []);
  const { source, storage, notifiers: ofNotifiers } = secretReferences(config);
  const read = [...storage, ...(connectors ? source : []), ...(notifiers ? ofNotifiers : [])];
  const forms = new Set<string>(read.map(({ form }) => form));
  return [
    ...NOTIFIERS.filter((type) => !told.has(type)).map(
      (type) => new RegExp(`[\\\\/]lib[\\\\/]notifiers[\\\\/]${type}\\.ts$`),
    ),
    ...Object.entries(SECRET_CLIENTS)
      .filter(([form]) => !forms.has(form))
      .map(([, client]) => new RegExp(`[\\\\/]@aws-sdk[\\\\/]${client}[\\\\/].*\\.js$`)),
  ];
}

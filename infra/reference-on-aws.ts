import type { GivenReference } from "../lib/config/secret-checks.ts";
import { BUCKET_VARIABLE } from "../lib/deployment/stack.ts";

const FORMS = ["env", "file", "vault"] as const;
const WHY_NO_SECRET: Readonly<Record<(typeof FORMS)[number], string>> = {
  env: "a variable of a function can be read in clear",
  file: "a function has no files of yours",
  vault: "a function has nothing to log in to Vault with",
};
const WHY_NOT_THERE: Readonly<Record<(typeof FORMS)[number], string>> = {
  env: "is a variable of this machine",
  file: "is a file of this machine",
  vault: "is in Vault",
};

/** What is in a function's environment or package can be read by whoever may look at the function, and of this machine it has nothing. */
export function referenceOnAws({ key, given, others }: GivenReference): string | undefined {
  const form = FORMS.find((one) => key.endsWith(`_${one}`));
  if (form === undefined || given === BUCKET_VARIABLE) return undefined;
  const name = key.slice(0, -form.length - 1);
  if (others.includes(`${name}_secret`))
    return `cannot be had on AWS, where ${WHY_NO_SECRET[form]}: use ${name}_secret (Secrets Manager) or ${name}_ssm`;
  const instead = others.includes(name) ? `: give ${name}` : "";
  return `${WHY_NOT_THERE[form]}, which a function does not have${instead}`;
}

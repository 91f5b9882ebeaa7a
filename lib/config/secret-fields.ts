import * as z from "zod";
import type { SecretReference } from "../secrets/secrets.ts";

/**
 * A secret `x` is never written into the configuration: `x_env`, `x_file`, `x_vault`, `x_secret` (AWS
 * Secrets Manager) or `x_ssm` (AWS Parameter Store) says where it is. An options schema spreads the fields into its object, and the connector asks `secretOf` for the reference:
 *
 *     const options = z.strictObject({ url: z.string(), ...secretFields("token") });
 *     const reference = secretOf(options, "token");
 *
 * That only one form is given, that variables are set and files readable is checked by `loadConfig` wherever such
 * fields stand, also inside arrays and unions, and relative paths of `x_file` are absolute in what it answers.
 */

export type SecretForm = "env" | "file" | "vault" | "secret" | "ssm";

type OptionalText = z.ZodOptional<z.ZodString>;
type SecretShape<Name extends string, Form extends SecretForm> = { [Key in `${Name}_${Form}`]: OptionalText };
type SecretValues<Name extends string> = { readonly [Key in `${Name}_${SecretForm}`]?: string | undefined };

/** What a field schema made here stands for. `loadConfig` finds secrets by it, whatever their fields are called. */
export interface SecretFieldInfo {
  readonly secret: string;
  readonly form: SecretForm | "literal";
}

const infos = new WeakMap<object, SecretFieldInfo>();
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VAULT_REFERENCE = /^[^\s/#]+(?:\/[^\s/#]+)+#[^\s#]+$/;
/** Names and ARNs, as the services allow them (CreateSecret and PutParameter in AWS's API references). */
const AWS_REFERENCES = {
  secret: /^(?:arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}(?:#[^\s#]+)?$/,
  ssm: /^(?:arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter)?[A-Za-z0-9/_.-]{1,1011}(?:#[^\s#]+)?$/,
} as const;
/** Values that people paste where a variable's name belongs. */
const LIKE_A_TOKEN = /^(?:gh[a-z]_|github_pat_|glpat|hvs|xox[a-z]|AKIA|sk_)[A-Za-z0-9_]{16,}$/;

/** `x_env`, `x_file`, `x_vault`, `x_secret` and `x_ssm`, all optional; a literal `x` is refused with a message that names these. */
export function secretFields<Name extends string>(name: Name): SecretShape<Name, SecretForm> {
  const fields = {
    ...localSecretFields(name),
    [`${name}_vault`]: vaultField(name),
    [`${name}_secret`]: awsField(name, "secret"),
    [`${name}_ssm`]: awsField(name, "ssm"),
  };
  return fields as SecretShape<Name, SecretForm>;
}

/** `x_env` and `x_file` alone, for what is needed to reach a vault itself. */
export function localSecretFields<Name extends string>(name: Name): SecretShape<Name, "env" | "file"> {
  const fields = { [`${name}_env`]: envField(name), [`${name}_file`]: fileField(name) };
  return fields as SecretShape<Name, "env" | "file">;
}

/** The same as `secretFields` plus a literal `x`, for what need not be secret: a user's name, a URL. */
export function maybeSecretFields<Name extends string>(
  name: Name,
): SecretShape<Name, SecretForm> & { [Key in Name]: OptionalText } {
  const literal = mark(
    z
      .string()
      .min(1)
      .optional()
      .describe(`The ${words(name)} itself.`),
    name,
    "literal",
  );
  return { ...secretFields(name), ...({ [name]: literal } as { [Key in Name]: OptionalText }) };
}

/** The reference that parsed options hold for the secret `name`; undefined when no form of it is given. */
export function secretOf<Name extends string>(
  options: SecretValues<Name> & { readonly [Key in Name]?: unknown },
  name: Name,
): SecretReference | undefined {
  const values: { readonly [key: string]: unknown } = options;
  const text = (key: string): string | undefined => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const env = text(`${name}_env`);
  if (env !== undefined) return { from: "env", name: env };
  const file = text(`${name}_file`);
  if (file !== undefined) return { from: "file", path: file };
  const vault = text(`${name}_vault`);
  if (vault !== undefined) return { from: "vault", reference: vault };
  const secret = text(`${name}_secret`);
  if (secret !== undefined) return { from: "secret", reference: secret };
  const parameter = text(`${name}_ssm`);
  if (parameter !== undefined) return { from: "ssm", reference: parameter };
  const literal = text(name);
  return literal === undefined ? undefined : { from: "literal", value: literal };
}

/** What secret a field's schema stands for; undefined for every other schema. */
export const secretFieldInfo = (schema: object): SecretFieldInfo | undefined => infos.get(schema);

// The messages leave the value out on purpose: it is a secret when someone has put it where its name belongs.
function envField(name: string): OptionalText {
  const message = `must be the name of an environment variable, such as ${name.toUpperCase()}, not a value`;
  const field = z.string().refine((value) => ENV_NAME.test(value) && !LIKE_A_TOKEN.test(value), { error: message });
  return mark(field.optional().describe(`Environment variable that holds the ${words(name)}.`), name, "env");
}

function fileField(name: string): OptionalText {
  const about = `File that holds the ${words(name)}, relative to the configuration's folder. A final newline is left out.`;
  return mark(z.string().min(1).optional().describe(about), name, "file");
}

function vaultField(name: string): OptionalText {
  const field = z.string().regex(VAULT_REFERENCE, { error: "must have the form mount/path#field" });
  return mark(
    field.optional().describe(`Vault or OpenBao KV v2 reference of the ${words(name)}: mount/path#field.`),
    name,
    "vault",
  );
}

function awsField(name: string, form: "secret" | "ssm"): OptionalText {
  const [kind, place] = form === "secret" ? ["secret", "AWS Secrets Manager"] : ["parameter", "AWS Parameter Store"];
  const field = z.string().refine((value) => AWS_REFERENCES[form].test(value) && !LIKE_A_TOKEN.test(value), {
    error: `must be the name or ARN of a ${kind}, with #field when it holds JSON`,
  });
  const about = `Name or ARN in ${place} of the ${words(name)}; #field picks one of a JSON object.`;
  return mark(field.optional().describe(about), name, form);
}

function mark(schema: OptionalText, secret: string, form: SecretFieldInfo["form"]): OptionalText {
  infos.set(schema, { secret, form });
  return schema;
}

const words = (name: string): string => name.replaceAll("_", " ");

import * as z from "zod";
import type { SecretReference } from "../secrets/secrets.ts";

/**
 * A secret `x` is never written into the configuration: `x_env`, `x_file` or `x_vault` says where it is. An options
 * schema spreads the fields into its object, and the connector asks `secretOf` for the reference:
 *
 *     const options = z.strictObject({ url: z.string(), ...secretFields("token") });
 *     const reference = secretOf(options, "token");
 *
 * That only one form is given, that variables are set and files readable is checked by `loadConfig` wherever such
 * fields stand, also inside arrays and unions, and relative paths of `x_file` are absolute in what it answers.
 */

export type SecretForm = "env" | "file" | "vault";

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
/** Values that people paste where a variable's name belongs. */
const LIKE_A_TOKEN = /^(?:gh[a-z]_|github_pat_|glpat|hvs|xox[a-z]|AKIA|sk_)[A-Za-z0-9_]{16,}$/;

/** `x_env`, `x_file` and `x_vault`, all optional; a literal `x` is refused with a message that names these. */
export function secretFields<Name extends string>(name: Name): SecretShape<Name, SecretForm> {
  const fields = { ...localSecretFields(name), [`${name}_vault`]: vaultField(name) };
  return fields as SecretShape<Name, SecretForm>;
}

/** The same without `x_vault`, for what is needed to reach the vault itself. */
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

function mark(schema: OptionalText, secret: string, form: SecretFieldInfo["form"]): OptionalText {
  infos.set(schema, { secret, form });
  return schema;
}

const words = (name: string): string => name.replaceAll("_", " ");

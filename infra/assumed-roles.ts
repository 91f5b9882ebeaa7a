import type { Config } from "../lib/config/schema.ts";
import { secretOf } from "../lib/config/secret-fields.ts";
import type { Statement } from "./statement.ts";

/** The rights to take on the roles that storages name, but where one is taken on with keys that are given, which have that right themselves. */
export function assumedRoleStatements({ storage }: Config): readonly Statement[] {
  const roles = Object.values(storage).flatMap((options) =>
    options.type === "s3" && secretOf(options, "access_key_id") === undefined ? (options.role_arn ?? []) : [],
  );
  if (roles.length === 0) return [];
  return [{ Effect: "Allow", Action: ["sts:AssumeRole"], Resource: [...new Set(roles)].sort() }];
}

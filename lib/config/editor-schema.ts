import * as z from "zod";
import { connectors } from "../connectors/all.ts";
import type { ConnectorKind } from "../connectors/connector.ts";
import { notifierKinds } from "./notifier-options.ts";
import { fileSchema, jobFields } from "./schema.ts";
import { storageSchema } from "./storage-options.ts";

/** The JSON Schema of a configuration, for editors: `core-backup schema`, and config/core-backup.schema.json. */
export function editorSchema(
  kinds: Readonly<Record<string, ConnectorKind>> = connectors,
): z.core.JSONSchema.BaseSchema {
  const jobs = Object.entries(kinds).map(([service, { options }]) =>
    z.strictObject({
      ...jobFields.shape,
      service: z.literal(service).describe(jobFields.shape.service.description ?? ""),
      options: options.describe(`What service ${service} needs to know.`),
    }),
  );
  const whole = z.strictObject({
    ...fileSchema.shape,
    jobs: z
      .array(z.union(jobs))
      .min(1)
      .describe(fileSchema.shape.jobs.description ?? ""),
    storage: z.record(z.string(), storageSchema).describe(fileSchema.shape.storage.description ?? ""),
    notifications: z
      .object(Object.fromEntries(Object.entries(notifierKinds).map(([name, kind]) => [name, namedAsType(kind)])))
      .catchall(z.union(Object.values(notifierKinds)))
      .optional()
      .describe(fileSchema.shape.notifications.description ?? ""),
  });
  const { $schema, ...schema } = z.toJSONSchema(whole, { io: "input", reused: "inline", override: plainPattern });
  return { $schema, title: "core-backup configuration", ...schema };
}

/** An entry that is called like a type needs no `type`. */
function namedAsType(kind: (typeof notifierKinds)[keyof typeof notifierKinds]): z.ZodType {
  const { type, ...others } = kind.shape;
  return z
    .strictObject({ type: type.optional(), ...others })
    .optional()
    .describe(kind.description ?? "");
}

/** Not every editor reads patterns as Unicode ones, and without that `\p{Cc}` means something else. */
function plainPattern({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.pattern !== undefined) {
    jsonSchema.pattern = jsonSchema.pattern.replaceAll("\\p{Cc}", "\\u0000-\\u001f\\u007f-\\u009f");
  }
}

import * as z from "zod";
import { editorSchema } from "../../lib/config/editor-schema.ts";
import { manifestSchema } from "../../lib/manifest.ts";
import type { Command } from "../command.ts";

/** A JSON Schema is a JSON document already, so `--json` makes no difference. */
export const schemaCommand: Command = async ({ options, output }) => {
  const schema = options.manifest ? z.toJSONSchema(manifestSchema) : editorSchema();
  output.result({ text: `${JSON.stringify(schema, null, 2)}\n`, json: schema });
  return 0;
};

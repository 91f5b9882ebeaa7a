import * as z from "zod";
import { parseRepositories } from "./repositories.ts";
import { location, repository } from "./repository-options.ts";

/** Options of `service: git`. */
export const gitOptions = z.strictObject({
  repositories: z
    .array(z.union([location, repository]))
    .min(1, { error: "must name at least one repository" })
    .superRefine((entries, context) => {
      for (const { index, message } of parseRepositories(entries).duplicates) {
        context.addIssue({ code: "custom", message, path: [index] });
      }
    })
    .describe("The repositories, each a URL or path, or a mapping with `url` and more."),
});

export type GitOptions = z.infer<typeof gitOptions>;

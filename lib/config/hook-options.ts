import * as z from "zod";
import { duration } from "./values.ts";

const text = z.string().min(1);
const words = z.array(z.string()).min(1);

const whole = z.strictObject({
  run: z
    .union([text, words])
    .describe("Text is given to /bin/sh; a list is a program and its arguments, without a shell."),
  timeout: duration.prefault("10m").describe("Longest time for it; then its process group is ended. Default: 10m."),
  env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of an environment variable" }))
    .default([])
    .describe("Variables that it gets beside PATH, HOME and the like. Their values are hidden in its output."),
});

const hook = z
  .union([text, words, whole])
  .transform((given) => {
    const { run, timeout, env } =
      typeof given === "string" || Array.isArray(given) ? whole.parse({ run: given }) : given;
    return { argv: typeof run === "string" ? ["/bin/sh", "-c", run] : run, timeoutMs: timeout, env };
  })
  .optional();

export const hooksSchema = z
  .strictObject({
    before: hook.describe("Before anything is read. If it fails, the job fails."),
    after: hook.describe("When everything was read, however that went. If it fails, the manifest has a warning."),
    on_failure: hook.describe("Last, when the run did not end well."),
  })
  .describe("Commands around a run, on this machine.");

export type Hooks = z.infer<typeof hooksSchema>;
export type HookName = keyof Hooks;

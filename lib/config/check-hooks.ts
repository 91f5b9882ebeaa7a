import type { Issue } from "./issues.ts";
import { isRecord } from "./messages.ts";
import type { Path } from "./place.ts";

/** Variables that a job's hooks name and that are not set. */
export function unsetHookVariables(
  job: unknown,
  path: Path,
  env: Readonly<Record<string, string | undefined>>,
): readonly Issue[] {
  const hooks = isRecord(job) && isRecord(job.hooks) ? Object.entries(job.hooks) : [];
  return hooks.flatMap(([name, hook]) => {
    const listed: readonly unknown[] = isRecord(hook) && Array.isArray(hook.env) ? hook.env : [];
    return listed.flatMap((variable, index) =>
      typeof variable !== "string" || (Object.hasOwn(env, variable) && env[variable] !== undefined)
        ? []
        : [
            {
              path: [...path, "hooks", name, "env", index],
              isKey: false,
              message: `the environment variable ${variable} is not set`,
            },
          ],
    );
  });
}

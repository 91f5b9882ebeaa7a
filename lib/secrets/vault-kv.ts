import * as z from "zod";
import { missing } from "./local.ts";
import type { VaultAnswer } from "./vault-send.ts";

/** What is read, and how messages call it. */
export interface Place {
  readonly server: string;
  readonly path: readonly string[];
  /** How many segments of `path` are the mount's. */
  readonly mountLength: number;
  readonly field: string;
}

/** @throws ConfigError for what has not the form `mount/path#field` */
export function parseReference(reference: string): { path: string[]; field: string } {
  const [, location = "", field = ""] = /^([^#]+)#([^#]+)$/.exec(reference) ?? [];
  const path = location.split("/");
  // A URL loses such segments, and what is then read is something else.
  if (field === "" || path.length < 2 || path.some((segment) => ["", ".", ".."].includes(segment))) {
    throw missing(`the Vault reference ${reference} has not the form mount/path#field`);
  }
  return { path, field };
}

/** Where KV version 2 keeps the content of a secret. */
export const dataPath = (path: readonly string[], mountLength: number): string[] => [
  ...path.slice(0, mountLength),
  "data",
  ...path.slice(mountLength),
];

const mountAnswer = z.object({
  data: z.object({ path: z.string(), type: z.string(), options: z.record(z.string(), z.unknown()).nullish() }),
});
export type Mount = z.infer<typeof mountAnswer>["data"];

/** The mount that an answer of `sys/internal/ui/mounts` tells of. */
export const mountIn = (body: unknown): Mount | undefined => mountAnswer.safeParse(body).data?.data;

/** How many segments of the path are the mount's. @throws ConfigError for a mount that is not KV version 2 */
export function kvMountLength(
  { path: mountPath, type, options }: Mount,
  server: string,
  path: readonly string[],
): number {
  const name = mountPath.replace(/\/$/, "");
  if (type !== "kv") throw missing(`${server} has a ${type} engine at ${name}, not KV version 2`);
  if (options?.version !== "2") {
    throw missing(`${server} has KV version 1 at ${name}; core-backup reads version 2`);
  }
  const length = name.split("/").length;
  if (length >= path.length)
    throw missing(`the Vault reference ${path.join("/")} is a mount, and names no secret in it`);
  return length;
}

const removedAnswer = z.object({
  data: z.object({ data: z.null(), metadata: z.object({ deletion_time: z.string(), destroyed: z.boolean() }) }),
});

/** What happened to the latest version of a secret that is there no more; undefined when there was none. */
export function removal({ body }: VaultAnswer): string | undefined {
  const metadata = removedAnswer.safeParse(body).data?.data.metadata;
  if (metadata === undefined) return undefined;
  return metadata.destroyed ? "was destroyed" : `was deleted at ${metadata.deletion_time}`;
}

const secretAnswer = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });

/** The field's text. @throws ConfigError `SECRET_MISSING` that says which of the reasons there are for not having it */
export function secretField(answer: VaultAnswer, { server, path, mountLength, field }: Place): string {
  const secret = path.join("/");
  if (answer.status === 403) {
    const right = `"read" on ${dataPath(path, mountLength).join("/")}`;
    throw missing(
      `${server} does not let this token read ${secret} (403): its policy needs ${right}, or the token has expired`,
    );
  }
  if (answer.status === 404) {
    const removed = removal(answer);
    if (removed !== undefined) throw missing(`the latest version of ${secret} in ${server} ${removed}`);
    throw missing(`${server} has no secret ${secret}${answer.words}`);
  }
  const fields = secretAnswer.safeParse(answer.body).data?.data.data;
  if (answer.status !== 200 || fields === undefined) {
    throw missing(`${server} answers ${answer.status} for ${secret}, and no KV version 2 secret${answer.words}`);
  }
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (value === undefined) throw missing(`the secret ${secret} in ${server} has no field ${field}`);
  if (typeof value !== "string") throw missing(`the field ${field} of the secret ${secret} in ${server} is not text`);
  return value;
}

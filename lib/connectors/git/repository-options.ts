import * as z from "zod";
import { secretFields, secretOf } from "../../config/secret-fields.ts";
import { LocationFault, parseLocation } from "../../git/location.ts";

export const location = z
  .string()
  .superRefine((text, context) => {
    const fault = locationFault(text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  })
  .describe(
    "URL (https, http, ssh, file), host:path, or a path relative to the working directory. Never with a password.",
  );

const refPattern = z.string().regex(/^(HEAD|refs\/[^\s~^:[\\]+)$/, {
  error: "must be HEAD or begin with refs/, such as refs/heads/* or refs/tags/v*",
});

/** One repository with all that can be said of it. */
export const repository = z
  .strictObject({
    url: location,
    name: z
      .string()
      .regex(/^[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u, { error: "must be a name in one line" })
      .optional()
      .describe("What the repository's unit is called. Default: host and path of the URL, or the path."),
    refs: z
      .array(refPattern)
      .min(1)
      .optional()
      .describe("Only these refs; `*` stands for any characters. Default: all that the server shows."),
    username: z
      .string()
      .regex(/^[^:\p{Cc}]+$/u, { error: "must be a user's name without a colon" })
      .optional()
      .describe("User for http(s). Default with a token: x-access-token, as GitHub wants it (GitLab: oauth2)."),
    ...secretFields("token"),
    ...secretFields("password"),
    ssh_key_file: z
      .string()
      .min(1)
      .optional()
      .describe("Private key for ssh, without a passphrase. Default: what ssh itself would use."),
    ssh_known_hosts_file: z
      .string()
      .min(1)
      .optional()
      .describe("Known hosts for ssh. Default: what ssh itself would use."),
  })
  .superRefine((entry, context) => {
    for (const { path, message } of entryFaults(entry)) context.addIssue({ code: "custom", message, path: [path] });
  });

export type RepositoryOptions = z.infer<typeof repository>;

function entryFaults(entry: z.infer<typeof repository>): { path: string; message: string }[] {
  const kind = locationFault(entry.url) === undefined ? parseLocation(entry.url).kind : undefined;
  if (kind === undefined) return [];
  const faults: { path: string; message: string }[] = [];
  const [token, password] = [secretOf(entry, "token"), secretOf(entry, "password")];
  if (kind !== "http" && (token !== undefined || password !== undefined || entry.username !== undefined)) {
    faults.push({ path: "url", message: "user, token and password are for http(s) URLs only" });
  }
  if (kind !== "ssh" && (entry.ssh_key_file !== undefined || entry.ssh_known_hosts_file !== undefined)) {
    faults.push({ path: "url", message: "ssh_key_file and ssh_known_hosts_file are for ssh URLs only" });
  }
  if (token !== undefined && password !== undefined)
    faults.push({ path: "url", message: "give a token or a password, not both" });
  if (password !== undefined && entry.username === undefined)
    faults.push({ path: "url", message: "a password needs a username" });
  if (kind === "http" && entry.username !== undefined && token === undefined && password === undefined) {
    faults.push({ path: "username", message: "a username needs a token or a password" });
  }
  return faults;
}

function locationFault(text: string): string | undefined {
  try {
    parseLocation(text);
    return undefined;
  } catch (error) {
    if (error instanceof LocationFault) return error.message;
    throw error;
  }
}

import * as z from "zod";
import { literalProxyFault } from "./network-options.ts";
import { maybeSecretFields, secretFields } from "./secret-fields.ts";

/** Those that give an object back at once: a run reads what it stored. */
const storageClasses = [
  "STANDARD",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER_IR",
  "REDUCED_REDUNDANCY",
] as const;

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]$|^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$|^arn:[^\s]+$/;
const PREFIX = "must be folders such as backups/, without a slash in front and without empty, . or .. parts";
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

const objectLock = z
  .strictObject({
    mode: z
      .enum(["governance", "compliance"])
      .describe(
        "governance: those with a certain right can undo it. compliance: nobody can, not even the account's root.",
      ),
    days: z
      .int()
      .positive()
      .max(36_500)
      .describe("How long after it was stored an object cannot be removed or changed."),
  })
  .describe("Object Lock retention set on every object of a snapshot. The bucket must have Object Lock enabled.");

const tagText = (max: number, what: string) =>
  z
    .string()
    .max(max)
    .refine((text) => TAG.test(text), { error: `${what} may have letters, digits, spaces and _ . : / = + - @` });

/** Options of `type: s3`. */
export const s3Options = z
  .strictObject({
    type: z.literal("s3").describe("A bucket on AWS S3 or on a server that speaks its language."),
    ...maybeSecretFields("bucket"),
    prefix: z
      .string()
      .default("")
      .refine(isPrefix, { error: PREFIX })
      .transform((text) => (text === "" || text.endsWith("/") ? text : `${text}/`))
      .describe("What all keys begin with, such as backups/. Default: nothing, the whole bucket."),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, { error: "must be a region such as eu-central-1" })
      .optional()
      .describe("Region of the bucket. Default: AWS_REGION or the profile's; with an endpoint us-east-1."),
    endpoint: z
      .string()
      .refine(isEndpoint, {
        error: "must be an address such as https://s3.example.com:9000, without user, query or fragment",
      })
      .optional()
      .describe("Address of a compatible server. Default: AWS."),
    path_style: z
      .boolean()
      .optional()
      .describe("The bucket in the path instead of in the host's name. Default: true with an endpoint, else false."),
    storage_class: z
      .enum(storageClasses)
      .optional()
      .describe("Storage class of every object. Archive classes are not among them: a run reads what it stored."),
    sse: z.enum(["AES256", "aws:kms"]).optional().describe("Encryption by the store. Default: as the bucket has it."),
    kms_key: z.string().min(1).optional().describe("Id or ARN of the KMS key, with sse: aws:kms."),
    object_lock: objectLock.optional(),
    tags: z
      .record(tagText(128, "a tag's name").min(1), tagText(256, "a tag"))
      .refine((tags) => Object.keys(tags).length <= 10, { error: "must hold at most 10 tags" })
      .optional()
      .describe("Tags set on every object."),
    ...maybeSecretFields("access_key_id"),
    ...secretFields("secret_access_key"),
    ...secretFields("session_token"),
    role_arn: z
      .string()
      .regex(/^arn:[^:\s]+:iam::\d{12}:role\/\S+$/, {
        error: "must be a role such as arn:aws:iam::123456789012:role/backup",
      })
      .optional()
      .describe("Role to assume for everything, with the credentials that there are otherwise."),
    external_id: z.string().min(2).max(1224).optional().describe("External id that the role asks for."),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe("PEM file of an authority to trust as well, relative to the configuration's folder."),
    ...maybeSecretFields("proxy"),
  })
  .superRefine((options, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const has = (name: string) =>
      Object.entries(options).some(([key, value]) => value !== undefined && isForm(key, name));
    if (!has("bucket")) say("bucket", "is missing: it must be bucket, bucket_env, bucket_file or bucket_vault");
    if (options.bucket !== undefined && !isBucket(options.bucket)) say("bucket", "must be the name of a bucket");
    if (has("access_key_id") !== has("secret_access_key")) {
      const [given, missing] = has("access_key_id")
        ? ["access_key_id", "secret_access_key"]
        : ["secret_access_key", "access_key_id"];
      say(missing, `is missing: ${given} is given`);
    }
    if (has("session_token") && !has("access_key_id")) say("access_key_id", "is missing: session_token is given");
    if (options.kms_key !== undefined && options.sse !== "aws:kms") say("kms_key", "takes sse: aws:kms");
    if (options.external_id !== undefined && options.role_arn === undefined) say("external_id", "takes role_arn");
    const proxyFault = options.proxy === undefined ? undefined : literalProxyFault("proxy", options.proxy);
    if (proxyFault !== undefined) say("proxy", proxyFault);
  })
  .describe("Snapshots in a bucket.");

export type S3Options = z.infer<typeof s3Options>;

export const isBucket = (name: string): boolean => BUCKET.test(name);

const isForm = (key: string, name: string): boolean =>
  key === name || ["env", "file", "vault", "secret", "ssm"].some((form) => key === `${name}_${form}`);

function isPrefix(text: string): boolean {
  const parts = text.replace(/\/$/, "").split("/");
  return text === "" || parts.every((part) => part !== "" && part !== "." && part !== ".." && !/\p{Cc}/u.test(part));
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "" && !text.includes("?");
}

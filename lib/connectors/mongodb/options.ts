import * as z from "zod";
import { maybeSecretFields, secretFields, secretOf } from "../../config/secret-fields.ts";
import { literalUriFault } from "./uri.ts";

const name = z.string().min(1, "a name cannot be empty");
const names = z.array(name).min(1, "must name at least one");
const databaseName = name.regex(/^[^\s/\\."$*<>:|?\0]{1,63}$/u, {
  error: 'must be the name of a database: up to 63 characters without spaces and none of / \\ . " $ * < > : | ?',
});

const strategy = z
  .enum(["auto", "driver", "mongodump"])
  .describe(
    "driver: read by core-backup itself. mongodump: by that program, which must be installed. auto: mongodump for a database of 4 GiB and more where it is installed, else driver",
  );

/** One database with all that can be said of it. */
const database = z.strictObject({
  name: databaseName.describe("The database."),
  dump_strategy: strategy.optional().describe("How this database is read. Default: the job's dump_strategy."),
  collections: names
    .optional()
    .describe("Only these collections: names, or patterns with * and ?. Default: all. A name that is not there fails"),
  exclude_collections: names.optional().describe("Not these collections: names, or patterns with * and ?."),
  query: z
    .record(name, z.record(z.string(), z.unknown(), { error: "must be a mapping: a filter in MongoDB Extended JSON" }))
    .optional()
    .describe("For each collection named here only the documents that match, as a filter in MongoDB Extended JSON v2."),
});

const readPreference = z
  .enum(["primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"])
  .describe("Which member of a replica set is read. Default: what the URI says, else primary.");

/** Options of `service: mongodb`. */
export const mongodbOptions = z
  .strictObject({
    ...maybeSecretFields("uri"),
    /** Certificates of the authorities that signed the servers'. */
    ...secretFields("tls_ca"),
    /** Our certificate and its private key in one text, also for authMechanism=MONGODB-X509. */
    ...secretFields("tls_certificate_key"),
    ...secretFields("tls_certificate_key_password"),
    read_preference: readPreference.optional(),
    databases: z
      .array(z.union([databaseName, database]))
      .min(1, "must name at least one database; leave it out for all")
      .optional()
      .describe(
        "The databases, each a name or a mapping with `name` and more. Default: all but local and what is the server's own.",
      ),
    exclude_databases: names.optional().describe("Without `databases`: not these; names, or patterns with * and ?."),
    dump_strategy: strategy.default("auto"),
    parallel_collections: z
      .int()
      .min(1)
      .max(64)
      .default(4)
      .describe("Collections of one database read at the same time. Default: 4."),
    oplog: z
      .boolean()
      .default(false)
      .describe("Store what was written while a database was read beside it, to bring it to one point in time."),
    users_and_roles: z
      .boolean()
      .default(false)
      .describe("Store the users and roles that are defined on each database within its archive."),
    ...secretFields("prove_uri"),
  })
  .superRefine((options, context) => {
    const say = (path: string, message: string, index?: number) =>
      context.addIssue({ code: "custom", path: index === undefined ? [path] : [path, index], message });
    if (secretOf(options, "uri") === undefined)
      say("uri_env", "is missing: the server's URI, as uri_env, or another form of a secret");
    const fault = options.uri === undefined ? undefined : literalUriFault(options.uri);
    if (fault !== undefined) say("uri", fault);
    if (options.oplog && (options.read_preference ?? "primary") !== "primary")
      say(
        "read_preference",
        "must be primary with oplog: another member may lack what was written before the oplog begins",
      );
    if (options.databases !== undefined && options.exclude_databases !== undefined)
      say("exclude_databases", "is for a job of all databases: leave out databases, or this");
    const seen = new Map<string, number>();
    for (const [index, entry] of (options.databases ?? []).entries()) {
      const { name: called } = databaseOf(entry);
      // Databases whose names differ in case alone cannot be in one server.
      const before = seen.get(called.toLowerCase());
      if (before !== undefined) say("databases", `the same database as databases[${before}]`, index);
      seen.set(called.toLowerCase(), before ?? index);
      const whole = wholeDatabaseFault(databaseOf(entry), options);
      if (whole !== undefined) say("databases", whole, index);
    }
  });

/** What needs all of a database, or another strategy, while only a part is asked for. */
function wholeDatabaseFault(
  { collections, exclude_collections, query, dump_strategy }: DatabaseOptions,
  options: { readonly oplog: boolean; readonly dump_strategy: string },
): string | undefined {
  if (query !== undefined && (dump_strategy ?? options.dump_strategy) === "mongodump")
    return "a query is for dump_strategy driver or auto: mongodump takes one for a single collection only";
  const isPart = (collections ?? exclude_collections ?? query) !== undefined;
  return isPart && options.oplog
    ? "the oplog is of a whole database: leave out collections, exclude_collections and query, or oplog"
    : undefined;
}

export type MongodbOptions = z.infer<typeof mongodbOptions>;
export type DatabaseOptions = z.infer<typeof database>;

export const databaseOf = (entry: string | DatabaseOptions): DatabaseOptions =>
  typeof entry === "string" ? { name: entry } : entry;

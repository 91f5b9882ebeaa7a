/*
 * The layers of the house. Each rule has a planted violation in test/unit/scripts/layers.test.ts that shows it works.
 * An exception is one more name in a pattern here, with its reason beside it.
 */

const ADAPTERS = "connectors|storage|notifiers|metrics|secrets|encryption";
/**
 * What anyone may know of an adapter folder: its protocol. Redaction is what logs and records pass through, and the fence
 * is what a lease puts around any storage.
 */
const PROTOCOLS =
  "^lib/(connectors/connector|storage/(storage|key|fenced)|notifiers/notifier|metrics/metrics|secrets/(secrets|redaction|options)|encryption/encryption)[.]ts$";
/** open.ts puts a Backup together; the configuration checks the options of every adapter before anything runs. */
const KNOWS_THE_LISTS = "^lib/config/";
const LISTS = `^lib/(${ADAPTERS})/all[.]ts$`;

module.exports = {
  forbidden: [
    {
      name: "lib-stands-alone",
      comment: "lib/ is used by entry points and never imports them, nor tests, benchmarks or scripts.",
      severity: "error",
      from: { path: "^lib/" },
      to: { path: "^(functions|cli|test|bench|scripts|infra)/" },
    },
    {
      name: "functions-stand-alone",
      comment: "An entry point on AWS imports lib/ only: no other entry point, and nothing of the command line.",
      severity: "error",
      from: { path: "^functions/([^/]+)" },
      to: { path: "^(functions|cli)/", pathNot: "^functions/$1" },
    },
    {
      name: "cli-knows-no-functions",
      comment: "The command line and the functions share lib/, not each other.",
      severity: "error",
      from: { path: "^cli/" },
      to: { path: "^functions/" },
    },
    {
      name: "core-knows-protocols-only",
      comment: "Core files import an adapter folder's protocol, never an adapter; open.ts is the one that knows them.",
      severity: "error",
      from: { path: "^lib/([^/]+[.]ts$|(config|git|tar)/)", pathNot: "^lib/open[.]ts$" },
      to: { path: `^lib/(${ADAPTERS})/`, pathNot: [PROTOCOLS, LISTS] },
    },
    {
      name: "lists-are-for-open",
      comment: "all.ts names every adapter, so that importing it is importing them all.",
      severity: "error",
      from: { path: "^lib/", pathNot: ["^lib/open[.]ts$", KNOWS_THE_LISTS] },
      to: { path: LISTS },
    },
    {
      name: "connectors-stand-alone",
      comment: "A connector's folder imports no other connector's.",
      severity: "error",
      from: { path: "^lib/connectors/([^/]+)/" },
      to: { path: "^lib/connectors/[^/]+/", pathNot: "^lib/connectors/$1/" },
    },
    {
      name: "adapters-stand-alone",
      comment: "An adapter imports nothing of another kind of adapter but its protocol.",
      severity: "error",
      from: { path: `^lib/(${ADAPTERS})/` },
      to: { path: `^lib/(${ADAPTERS})/`, pathNot: ["^lib/$1/", PROTOCOLS] },
    },
    {
      name: "aws-in-named-adapters",
      comment: "The AWS SDK is heavy, and AWS is one of several places to run: these files know it, no other.",
      severity: "error",
      from: {
        path: "^(lib|cli)/",
        pathNot:
          "^lib/(storage/s3/|(connectors/mongodb/aws-credentials|secrets/aws|notifiers/sns|deployment/(deployment|announce-watch))[.]ts$)",
      },
      to: { path: "@aws-sdk/" },
    },
    {
      name: "programs-in-one-place",
      comment:
        "lib/process.ts is where programs are run: their end is judged, their group ended, their environment kept small.",
      severity: "error",
      from: { path: "^(lib|cli|functions)/", pathNot: "^lib/process[.]ts$" },
      to: { path: "^(node:)?child_process$" },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or three.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "A file that imports nothing and that nothing imports is left over.",
      severity: "error",
      // A declaration of what a package's own types leave out is imported by nobody.
      from: { orphan: true, path: "^(lib|cli|functions)/", pathNot: "[.]d[.]ts$" },
      to: {},
    },
    {
      name: "nothing-unresolved",
      comment: "An import that cannot be resolved escapes every other rule.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "@aws-sdk/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};

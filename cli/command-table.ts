export type CommandName =
  | "init"
  | "validate"
  | "plan"
  | "run"
  | "list"
  | "show"
  | "verify"
  | "restore"
  | "prune"
  | "watch"
  | "serve"
  | "report"
  | "notify"
  | "start"
  | "status"
  | "stop"
  | "schema"
  | "completion";

export interface OptionSpec {
  /** As commander reads it: `--job <name>`. */
  readonly flags: string;
  readonly about: string;
  readonly choices?: readonly string[];
  readonly repeatable?: boolean;
  readonly mandatory?: boolean;
  /** Camel-case name of an option that cannot be given as well. */
  readonly conflicts?: string;
}

export interface CommandSpec {
  readonly name: CommandName;
  readonly group: string;
  readonly summary: string;
  readonly details: string;
  readonly argument?: { readonly name: string; readonly about: string; readonly choices: readonly string[] };
  readonly options: readonly OptionSpec[];
  /** Without the program's name. */
  readonly examples: readonly string[];
  readonly exits: readonly string[];
}

const job: OptionSpec = { flags: "--job <name>", about: "only this job" };
const oneJob: OptionSpec = { flags: "--job <name>", about: "the job", mandatory: true };
const snapshot: OptionSpec = { flags: "--snapshot <id>", about: "a snapshot's id, or latest (default)" };

const keys: readonly OptionSpec[] = [
  { flags: "--identity-file <file>", about: "private key of age or gpg, in place of what the configuration names" },
  { flags: "--passphrase-file <file>", about: "passphrase of what is encrypted, or of the private key" },
];

const units: OptionSpec = {
  flags: "--unit <id>",
  about: "narrow the run to this unit of the one job, or to those that match a glob; may be given several times",
  repeatable: true,
};

const wait: OptionSpec = {
  flags: "--wait <duration>",
  about: "wait so long for another process that works on the job, such as 30m (default: not at all)",
};

/** Of the endpoints of `serve`. Registered for nothing else. */
export const DEFAULT_PORT = 8970;

const stack: readonly OptionSpec[] = [
  { flags: "--stage <name>", about: "the deployment's stage (default: dev, as for deploying)" },
  { flags: "--region <name>", about: "its region (default: $AWS_REGION, then eu-central-1, as for deploying)" },
  { flags: "--service <name>", about: "its service, where serverless.yml names another one (default: core-backup)" },
];

const DONE = "0  done";
const NO_STACK =
  "2  the command line or the configuration is wrong, there is no such deployment or job, or no right to it";
const WRONG = "2  the command line or the configuration is wrong, or it was refused; nothing was changed";

export const globalOptions: readonly OptionSpec[] = [
  { flags: "-c, --config <file>", about: "the configuration (default: $CORE_BACKUP_CONFIG, then core-backup.yml)" },
  { flags: "--json", about: "print exactly one JSON document on stdout, also when it fails" },
  { flags: "-q, --quiet", about: "no progress, and only errors on stderr", conflicts: "verbose" },
  { flags: "-v, --verbose", about: "everything on stderr, with a stack trace for a fault of ours" },
  { flags: "--log <format>", about: "the form of the lines on stderr", choices: ["text", "json"] },
];

export const commandTable: readonly CommandSpec[] = [
  {
    name: "init",
    group: "Before a run:",
    summary: "write a configuration for what is here",
    details:
      "Looks for git checkouts in this folder, a Docker Engine, MongoDB on its usual port, GITHUB_TOKEN and AWS\n" +
      "credentials, and writes a commented configuration for them: to --config, or core-backup.yml. It asks nothing,\n" +
      "writes no secret, and never replaces a file.",
    options: [
      { flags: "--example <example>", about: "write this example instead", conflicts: "list" },
      { flags: "--list", about: "list the examples, and write nothing" },
    ],
    examples: ["init", "init --list", "init --example mongodb --config mongodb.yml"],
    exits: [DONE, "2  the file is there already, or the command line is wrong; nothing was changed"],
  },
  {
    name: "validate",
    group: "Before a run:",
    summary: "check the configuration",
    details:
      "Checks the whole file and reports every fault at once as file:line:column: path: message. With --aws it also refuses what AWS cannot have, such as hooks, as packaging with the same parameters does, and no secret need be set. What the parameters of tasks may be, and how large the stack gets, packaging alone says.",
    options: [
      { flags: "--aws", about: "as it is deployed on AWS" },
      { flags: "--efs <mounts>", about: "with --aws: /mnt/NAME=fs-…/fsap-…, as --param=efs has it" },
      { flags: "--image <image>", about: "with --aws: a URI, or build, as --param=image has it" },
    ],
    examples: ["validate", "validate --config /etc/core-backup.yml --json", "validate --aws"],
    exits: ["0  the configuration is right", "2  it is not"],
  },
  {
    name: "plan",
    group: "Before a run:",
    summary: "show what a run would do; writes nothing",
    details:
      "A dry run: lists the units with what is known of them, the next five run times, and what prune would remove.",
    options: [
      { ...job, repeatable: true },
      { flags: "--cost", about: "also what a run and a month cost on AWS, by service" },
      { flags: "--prices <file>", about: "YAML with prices to reckon with in place of those that come along" },
    ],
    examples: ["plan", "plan --job docs --json", "plan --cost"],
    exits: [DONE, "1  the source or the storage of a job could not be read", WRONG],
  },
  {
    name: "run",
    group: "Back up:",
    summary: "run jobs: plan, collect, verify, prune",
    details:
      "Runs all jobs, or those named with --job. A failing unit leaves the others alone, and so does a failing job.\n" +
      "A run that was killed or interrupted is taken up again: what it had collected is not collected anew.\n" +
      "A job that another process works on is refused, and says who that is.\n" +
      "A run that --unit narrows says so in its manifest, and stands for the whole job nowhere.\n" +
      "The first Ctrl-C, SIGTERM or SIGHUP ends the run in order; a second one ends it at once.",
    options: [
      { flags: "--job <name>", about: "only this job; may be given several times", repeatable: true },
      {
        flags: "--due",
        about: "only jobs whose schedule has passed since their last run; for a line of cron",
        conflicts: "unit",
      },
      units,
      { flags: "--resume", about: "take up a run that was ended before its time, however old it is" },
      { flags: "--no-resume", about: "begin anew (default: one within resume_within is taken up)" },
      wait,
    ],
    examples: [
      "run",
      "run --job docs --job databases",
      "run --job repos --unit 'my-org/api-*'",
      "run --due",
      "run --resume",
      "run --log json --quiet",
    ],
    exits: [
      "0  everything is stored and verified, or nothing was due",
      "1  something of a job failed, partial runs included, or another process works on it",
      WRONG,
      "129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM",
    ],
  },
  {
    name: "serve",
    group: "Back up:",
    summary: "run jobs on their schedules, for as long as this process lives",
    details:
      "The scheduler for a machine or container without cron. What is due follows from the storage: times that were missed\n" +
      "are made up for (catch_up), runs that were ended are taken up again, no job runs twice at once.\n" +
      "SIGHUP reads the configuration again; a wrong one is refused, and the one in force stays.\n" +
      "SIGTERM and SIGINT end the runs in order, then this; a second one ends at once.\n" +
      "Serves /healthz, /readyz, /metrics and, at /, a summary.",
    options: [
      { flags: "--port <number>", about: `port of the endpoints (default: ${DEFAULT_PORT}); 0: any that is free` },
      { flags: "--host <address>", about: "address of the endpoints (default: 127.0.0.1)" },
    ],
    examples: ["serve", "serve --port 9000 --log json", "serve --host 0.0.0.0 --config /etc/core-backup.yml"],
    exits: ["0  ended by SIGTERM or SIGINT, in order", WRONG, "130, 143  a second SIGINT or SIGTERM ended it at once"],
  },
  {
    name: "list",
    group: "Look:",
    summary: "list the snapshots",
    details: "One line a snapshot, newest first within its job.",
    options: [{ ...job, repeatable: true }],
    examples: ["list", "list --job docs --json"],
    exits: [DONE, "1  the storage of a job could not be read", WRONG],
  },
  {
    name: "show",
    group: "Look:",
    summary: "show one snapshot: its units, artifacts and warnings",
    details: "With --json, the manifest itself.",
    options: [oneJob, snapshot],
    examples: ["show --job docs", "show --job docs --snapshot 2026-11-22T030000Z --json"],
    exits: [DONE, "1  the manifest is damaged or the storage could not be read", WRONG],
  },
  {
    name: "verify",
    group: "Look:",
    summary: "read snapshots back and compare them with their manifests",
    details: "Reads every stored byte and compares it. One line for each artifact that is wrong.",
    options: [
      { ...job, repeatable: true },
      { flags: "--snapshot <id>", about: "a snapshot's id, latest (default) or all" },
      { flags: "--prove", about: "also restore every artifact into nothing, and count what comes out" },
      { flags: "--full", about: "like --prove, and compare every entry" },
      ...keys,
    ],
    examples: ["verify", "verify --job docs --snapshot all", "verify --prove"],
    exits: ["0  everything agrees", "1  something does not, or could not be read or, if asked for, proved", WRONG],
  },
  {
    name: "restore",
    group: "Bring back:",
    summary: "bring a snapshot, or one unit of it, back",
    details:
      "Verified, decrypted and decompressed, in usable form: a git bundle becomes a bare repository, a tar a tree.",
    options: [
      oneJob,
      snapshot,
      { flags: "--unit <id>", about: "only this unit" },
      { flags: "--to <folder>", about: "a folder; made when absent, refused when not empty" },
      {
        flags: "--to-volume <name>",
        about: "a Docker volume; made when absent, refused when not empty or in use",
        conflicts: "to",
      },
      {
        flags: "--to-uri-env <variable>",
        about: "the MongoDB server whose URI this variable holds; refused where collections are in the way",
        conflicts: "to",
      },
      { flags: "--force", about: "restore into what is not empty; files of a folder are still never replaced" },
      ...keys,
    ],
    examples: [
      "restore --job docs --to ./restored",
      "restore --job repos --unit my-org/app --snapshot 2026-11-22T030000Z --to ./app",
      "restore --job volumes --unit app_data --to-volume app_data",
      "restore --job databases --unit app --to-uri-env RESTORE_URI",
    ],
    exits: ["0  restored whole", "1  something is damaged, missing, or was never backed up", WRONG],
  },
  {
    name: "prune",
    group: "Clean up:",
    summary: "remove the snapshots that the retention does not keep",
    details: "Decides for each snapshot, with a reason, and removes. The newest good snapshot always stays.",
    options: [{ ...job, repeatable: true }, { flags: "--dry-run", about: "decide, and remove nothing" }, wait],
    examples: ["prune --dry-run", "prune --job docs"],
    exits: [
      DONE,
      "1  the storage of a job failed, or another process works on the job",
      "2  the command line or the configuration is wrong, or a job's removals were refused",
    ],
  },
  {
    name: "watch",
    group: "Be told:",
    summary: "look whether every job has a good snapshot within its deadline",
    details:
      "Asks the storage and no runner, so that it can run elsewhere, with this file and the storage alone. Tells\n" +
      "the notifiers once what is not well, and once when it is well again.",
    options: [
      { ...job, repeatable: true },
      { flags: "--dry-run", about: "look only: tell nobody and write nothing" },
    ],
    examples: ["watch", "watch --json", "watch --dry-run"],
    exits: ["0  every job is well", "1  one is not, or its storage could not be read", WRONG],
  },
  {
    name: "report",
    group: "Look:",
    summary: "show the state of all jobs on one page",
    details:
      "What the last 60 days brought, job by job: from the storage and this file alone, so that it can be made anywhere.\n" +
      "With --html, one file for a browser that needs nothing beside it. It is replaced whole, so a web server can show it.",
    options: [
      { ...job, repeatable: true },
      { flags: "--html <file>", about: "write the page there" },
    ],
    examples: ["report", "report --html /var/www/backups/index.html", "report --json"],
    exits: [DONE, "1  the storage of a job could not be read; the rest is shown", WRONG],
  },
  {
    name: "notify",
    group: "Be told:",
    summary: "send a test message",
    details:
      "Sends a message that is marked as a test to one notifier, or to all. It says of each whether it was taken.",
    options: [{ flags: "--test [notifier]", about: "the notifier; all when none is named", mandatory: true }],
    examples: ["notify --test", "notify --test slack --json"],
    exits: ["0  every notifier took the message", "1  one did not", WRONG],
  },
  {
    name: "start",
    group: "On AWS:",
    summary: "start a run of a deployed job",
    details:
      "Starts the job's state machine, as its schedule does. With --wait it follows the run to its end, each unit with it,\n" +
      "and reports as run does; Ctrl-C then ends the following and not the run.",
    options: [oneJob, units, { flags: "--wait", about: "follow the run to its end" }, ...stack],
    examples: ["start --job repos --stage prod", "start --job repos --unit my-org/app --wait"],
    exits: [
      "0  it is started; with --wait, everything is stored and verified",
      "1  the job is running; with --wait, something failed, partial runs included",
      NO_STACK,
      "129, 130, 143  the following was ended by SIGHUP, SIGINT, SIGTERM",
    ],
  },
  {
    name: "status",
    group: "On AWS:",
    summary: "list the executions of deployed jobs",
    details: "The five newest of each job, with why one did not end well and where the console shows it.",
    options: [{ ...job, repeatable: true }, ...stack],
    examples: ["status --stage prod", "status --job repos --json"],
    exits: [DONE, "1  one of several jobs is not deployed", NO_STACK],
  },
  {
    name: "stop",
    group: "On AWS:",
    summary: "stop the running execution of a deployed job",
    details:
      "What was collected stays, and the next run takes it up. A function that is at work ends its unit by itself, and the\n" +
      "job's lease runs out soon after: stop says when.",
    options: [oneJob, ...stack],
    examples: ["stop --job repos --stage prod"],
    exits: ["0  stopped", "1  AWS did not answer", `${NO_STACK}, or nothing is running`],
  },
  {
    name: "schema",
    group: "For editors and shells:",
    summary: "print the JSON Schema of the configuration",
    details: "Editors that know yaml-language-server use it to complete and check the file.",
    options: [{ flags: "--manifest", about: "the schema of manifest.json instead" }],
    examples: ["schema > core-backup.schema.json", "schema --manifest"],
    exits: [DONE],
  },
  {
    name: "completion",
    group: "For editors and shells:",
    summary: "print a completion script for a shell",
    details:
      "bash:  core-backup completion bash > ~/.local/share/bash-completion/completions/core-backup\n" +
      "zsh:   core-backup completion zsh > a folder of $fpath, as _core-backup\n" +
      "fish:  core-backup completion fish > ~/.config/fish/completions/core-backup.fish",
    argument: { name: "shell", about: "the shell", choices: ["bash", "zsh", "fish"] },
    options: [],
    examples: ["completion bash"],
    exits: [DONE],
  },
];

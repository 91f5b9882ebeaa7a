import type { Found } from "./find.ts";

export interface ConfigTextOptions {
  readonly found: Found;
  /** Absolute. */
  readonly folder: string;
  readonly timezone: string;
}

const SCHEMA_LINE = "# yaml-language-server: $schema=core-backup.schema.json";
const RETENTION = "retention: { keep_daily: 7, keep_weekly: 4, keep_monthly: 12 }";

/**
 * A configuration for what was found, with comments that say what to change. It is valid as it stands: what needs
 * a decision is in comments. Secrets are named by their variables, never written. Pure.
 */
export function configText({ found, folder, timezone }: ConfigTextOptions): string {
  const target = found.bucket && found.aws ? "s3" : "local";
  const jobs = [gitJob(found), githubJob(found), mongodbJob(found), dockerJob(found)].filter(
    (job) => job !== undefined,
  );
  const written = jobs.length === 0 ? [filesJob(folder)] : jobs;
  const texts = written.map((job, index) => jobText(job, { hour: 1 + (index % 5), timezone, target }));
  const hints = [githubHint(found), written === jobs ? FILES_HINT : ""].filter((hint) => hint !== "");
  return `${SCHEMA_LINE}
#
# Written by core-backup init for what it found here. Change it as you like; core-backup validate checks it, and
# core-backup plan shows what a run would do. The line above lets editors help, beside the file that this makes:
#   core-backup schema > core-backup.schema.json

jobs:
${texts.join("\n")}${hints.map((hint) => `\n${hint}`).join("")}
storage:
${storageText(found, folder, target)}
# Whom to tell: Slack, mail, PagerDuty, webhooks. docs/notifications.md has all of it.
# notifications:
#   slack: { webhook_env: SLACK_WEBHOOK }
`;
}

interface JobText {
  readonly about: string;
  readonly name: string;
  readonly service: string;
  readonly options: readonly string[];
}

function jobText({ about, name, service, options }: JobText, { hour, timezone, target }: JobSetting): string {
  return `  # ${about}
  - name: ${name}
    service: ${service}
    schedule: "0 ${hour} * * *" # every night; core-backup serve or run --due keeps it
    timezone: ${timezone}
    ${RETENTION}
    target_storage: ${target}
    options:
${options.map((line) => `      ${line}\n`).join("")}`;
}

interface JobSetting {
  readonly hour: number;
  readonly timezone: string;
  readonly target: string;
}

function gitJob({ checkouts }: Found): JobText | undefined {
  if (checkouts.length === 0) return undefined;
  const options = ["repositories: # paths and URLs", ...checkouts.map((path) => `  - ${yaml(path)}`)];
  return {
    about: "Git repositories: all that was committed, as bundles.",
    name: "repositories",
    service: "git",
    options,
  };
}

function githubJob({ githubToken, githubOwners }: Found): JobText | undefined {
  const [owner, ...others] = githubOwners;
  if (!githubToken || owner === undefined) return undefined;
  const more = others.length === 0 ? "" : `; the checkouts here are also of ${others.join(", ")}`;
  const options = [`organization: ${yaml(owner)} # user: for a person's${more}`, "token_env: GITHUB_TOKEN"];
  return {
    about: "GitHub: repositories with issues, pull requests, releases and settings.",
    name: "github",
    service: "github",
    options,
  };
}

function githubHint({ githubToken, githubOwners }: Found): string {
  if (!githubToken || githubOwners.length > 0) return "";
  return `  # GITHUB_TOKEN is set, and nothing here says whose repositories are meant:
  # - name: github
  #   service: github
  #   schedule: "0 4 * * *"
  #   ${RETENTION}
  #   options: { organization: my-org, token_env: GITHUB_TOKEN }
`;
}

function mongodbJob({ mongodb }: Found): JobText | undefined {
  if (mongodb === undefined) return undefined;
  const options = [
    `uri: mongodb://127.0.0.1:${mongodb} # with a user and password: uri_env: MONGO_URI, and the URI in that variable`,
  ];
  return {
    about: "Every database of the MongoDB server of this machine.",
    name: "databases",
    service: "mongodb",
    options,
  };
}

function dockerJob({ docker }: Found): JobText | undefined {
  if (!docker) return undefined;
  const options = [
    'volumes: ["*"] # names and patterns; "!*_cache" leaves out',
    "consistency: none # pause or stop the containers that write, while a volume is read",
  ];
  return { about: "Every volume of the Docker Engine.", name: "volumes", service: "docker_volume", options };
}

function filesJob(folder: string): JobText {
  const options = [`paths: [${yaml(folder)}]`, 'exclude: ["*.tmp", node_modules/] # as in .gitignore'];
  return {
    about: "Files. Nothing else was found here: name the folders that matter.",
    name: "files",
    service: "filesystem",
    options,
  };
}

const FILES_HINT = `  # Files and folders:
  # - name: files
  #   service: filesystem
  #   schedule: "0 3 * * *"
  #   ${RETENTION}
  #   options: { paths: [/etc, /home] }
`;

function storageText({ aws }: Found, folder: string, target: string): string {
  const local = `  # A disk that is not the one with the sources is better; nfs is for a share, and refuses one that is not mounted.
  local: { type: filesystem, base_path: ${yaml(`${folder === "/" ? "" : folder}/backups`)} }
`;
  const s3 = "{ type: s3, bucket_env: S3_BUCKET, prefix: backups/ }";
  if (target === "s3") return `  s3: ${s3}\n${local}`;
  const why = aws
    ? "AWS credentials are there: name a bucket in S3_BUCKET, and s3 as target_storage."
    : "A bucket, of AWS or a compatible store (endpoint: …):";
  return `${local}  # ${why}\n  # s3: ${s3}\n`;
}

/** Plain where it means itself, else in quotes. */
const yaml = (text: string): string => (/^[A-Za-z/][A-Za-z0-9_./-]*$/.test(text) ? text : JSON.stringify(text));

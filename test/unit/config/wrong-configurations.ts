/**
 * Configurations that are wrong, and what exactly is said of each: `line:column: path: message`, with FOLDER for the folder
 * they lie in. Beside them lie `secret` (with a value), `empty-secret` (without), and SET and EMPTY are variables.
 */
export interface WrongConfiguration {
  readonly title: string;
  readonly text: string;
  readonly faults: readonly string[];
}

const JOB = "  - { name: a, service: filesystem, options: { paths: docs } }\n";
const STORAGE = "storage:\n  local: { type: filesystem, base_path: ./backups }\n";

const indented = (lines: string, width: number) => lines.replace(/^/gm, " ".repeat(width));

/** A file whose only job has these keys beside its name, service and options. */
const job = (keys: string) =>
  `jobs:\n  - name: a\n    service: filesystem\n    options: { paths: docs }\n${indented(keys, 4)}\n${STORAGE}`;

const options = (keys: string) =>
  `jobs:\n  - name: a\n    service: filesystem\n    options:\n${indented(keys, 6)}\n${STORAGE}`;

const repository = (keys: string) =>
  `jobs:\n  - name: a\n    service: git\n    options:\n      repositories:\n        - url: https://git.example.com/a.git\n${indented(keys, 10)}\n${STORAGE}`;

const storage = (text: string) => `jobs:\n${JOB}${text}\n`;

const vault = (keys: string) => `jobs:\n${JOB}${STORAGE}secrets:\n  vault:\n${indented(keys, 4)}\n`;

const notifications = (lines: string) => `jobs:\n${JOB}${STORAGE}notifications:\n${indented(lines, 2)}\n`;

const metrics = (lines: string) => `jobs:\n${JOB}${STORAGE}metrics:\n${indented(lines, 2)}\n`;

/** Seven levels of ten aliases each: ten million values in less than a kilobyte. */
function anchorBomb(): string {
  const levels = "bcdefg".split("").map((name, index) => {
    const below = "abcdef"[index];
    return `${name}: &${name} [${Array(10).fill(`*${below}`).join(",")}]\n`;
  });
  return `a: &a [x,x,x,x,x,x,x,x,x,x]\n${levels.join("")}`;
}

export const wrongConfigurations: readonly WrongConfiguration[] = [
  { title: "an empty file", text: "", faults: ["1:1: the file holds no configuration: it needs jobs and storage"] },
  {
    title: "only comments",
    text: "# nothing\n\n# here\n",
    faults: ["1:1: the file holds no configuration: it needs jobs and storage"],
  },
  {
    title: "only a document mark",
    text: "---\n",
    faults: ["1:1: the file holds no configuration: it needs jobs and storage"],
  },
  {
    title: "a list at the top",
    text: "- jobs\n- storage\n",
    faults: ["1:1: must be a mapping with jobs and storage, not a list"],
  },
  {
    title: "a word at the top",
    text: "backup everything\n",
    faults: ["1:1: must be a mapping with jobs and storage, not text"],
  },
  {
    title: "a tab as indentation",
    text: "jobs:\n\t- name: a\n",
    faults: ["2:1: a tab cannot indent in YAML: use spaces"],
  },
  {
    title: "a quote that is not closed",
    text: `jobs:\n  - name: "a\n${STORAGE}`,
    faults: ["2:11: not YAML: Missing closing quote"],
  },
  {
    title: "a bracket that is not closed",
    text: "jobs: [\nstorage: {}\n",
    faults: ["2:1: not YAML: a [ or { above is not closed, or what is in it is not indented"],
  },
  {
    title: "a mapping inside of a value",
    text: "jobs: a: b\n",
    faults: [
      '1:7: not YAML: a second key on this line: begin a new line for it, or put a value that holds ": " in quotes',
    ],
  },
  {
    title: "a list entry that is not indented like its neighbours",
    text: "jobs:\n  - name: a\n     service: git\n",
    faults: [
      '2:11: not YAML: a second key on this line: begin a new line for it, or put a value that holds ": " in quotes',
    ],
  },
  {
    title: "a cron expression that begins with a star and is not quoted",
    text: job("schedule: */5 * * * *"),
    faults: ['5:19: a value that begins with * must be in quotes, such as "*/15 * * * *"'],
  },
  {
    title: "several documents",
    text: "jobs: []\n---\nstorage: {}\n",
    faults: ["2:1: a second document begins here: a configuration is one, without ---"],
  },
  { title: "a tag", text: job("timezone: !zone UTC"), faults: ["5:15: tags (!…) are not supported: leave it out"] },
  {
    title: "an alias of nothing",
    text: job("timezone: *zone"),
    faults: ["5:15: jobs[0].timezone: names an anchor that is not set above it"],
  },
  {
    title: "an alias inside of what it names",
    text: `jobs: &all\n  - *all\n${STORAGE}`,
    faults: ["2:5: jobs[0]: an alias cannot stand inside of what it names"],
  },
  {
    title: "an anchor bomb",
    text: anchorBomb(),
    faults: ["1:26: e[7][8][8][8][9]: holds more than 100000 values, those that aliases repeat included"],
  },
  {
    title: "merge keys",
    text:
      "jobs:\n  - &base\n    name: a\n    service: filesystem\n    options: { paths: docs }\n  - <<: *base\n    name: b\n    service: filesystem\n    options: { paths: docs }\n" +
      STORAGE,
    faults: ['6:5: jobs[1]["<<"]: merge keys (<<) are not supported: write the keys out'],
  },
  {
    title: "a key that is a list",
    text: `jobs:\n  - ? [a]\n    : 1\n    name: a\n    service: filesystem\n    options: { paths: docs }\n${STORAGE}`,
    faults: ["2:7: jobs[0]: a key must be plain text"],
  },
  { title: "nesting without end", text: `jobs: ${"[".repeat(3000)}\n`, faults: ["1:799: is nested too deep"] },
  {
    title: "no jobs and no storage",
    text: "max_jobs: 3\n",
    faults: ["1:1: jobs: is missing: it must be a list", "1:1: storage: is missing: it must be a mapping"],
  },
  {
    title: "jobs that are a mapping",
    text: `jobs:\n  a: { service: git }\n${STORAGE}`,
    faults: ["2:3: jobs: must be a list, not a mapping"],
  },
  { title: "an empty list of jobs", text: `jobs: []\n${STORAGE}`, faults: ["1:7: jobs: must hold at least one job"] },
  { title: "jobs without a value", text: `jobs:\n${STORAGE}`, faults: ["1:1: jobs: must be a list, not nothing"] },
  {
    title: "a job that is text",
    text: `jobs:\n  - documents\n${STORAGE}`,
    faults: ["2:5: jobs[0]: must be a mapping with name, service and options, not text"],
  },
  {
    title: "a job without anything",
    text: `jobs:\n  - {}\n${STORAGE}`,
    faults: ["2:5: jobs[0].name: is missing: it must be text", "2:5: jobs[0].service: is missing: it must be text"],
  },
  {
    title: "an unknown key at the top",
    text: `job:\n${JOB}jobs:\n${JOB}${STORAGE}`,
    faults: ["1:1: job: unknown key (did you mean jobs?)"],
  },
  {
    title: "encryption for nobody",
    text: job("encryption: { type: age }"),
    faults: [
      "5:17: jobs[0].encryption: needs recipients, recipients_file, or a passphrase by passphrase_env, passphrase_file or passphrase_vault",
    ],
  },
  {
    title: "encryption of no known type",
    text: job("encryption: { type: rot13 }"),
    faults: ['5:25: jobs[0].encryption.type: must be age or gpg, not "rot13"'],
  },
  {
    title: "encryption with gpg and the wrong kinds of keys",
    text: job(
      `encryption:\n  type: gpg\n  public_keys: ["-----BEGIN PGP PRIVATE KEY BLOCK-----", 0xDEADBEEF]\n  private_key_passphrase_env: A_SECRET`,
    ),
    faults: [
      "7:21: jobs[0].encryption.public_keys[0]: must be a public key, and this is a private one",
      "7:62: jobs[0].encryption.public_keys[1]: must be text, not a number (put it in quotes)",
      "8:35: jobs[0].encryption.private_key_passphrase_env: the environment variable A_SECRET is not set",
    ],
  },
  {
    title: "encrypt_manifest without a key for the names",
    text: job(
      "encryption: { type: age, recipients: [age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj], encrypt_manifest: true }",
    ),
    faults: [
      "5:17: jobs[0].encryption: has encrypt_manifest, which needs names_key_env, names_key_file or another form of names_key",
    ],
  },
  {
    title: "encryption with gpg for nobody",
    text: job("encryption: { type: gpg }"),
    faults: ["5:17: jobs[0].encryption: needs public_keys or public_keys_file"],
  },
  {
    title: "recipients that are none",
    text: job(
      `encryption:\n  type: age\n  recipients:\n    - ssh-ed25519 AAAA\n    - age1yubikey1qwe\n    - age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk\n    - AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0`,
    ),
    faults: [
      "8:11: jobs[0].encryption.recipients[0]: must be a key of age-keygen, age1…: SSH keys are not taken",
      "9:11: jobs[0].encryption.recipients[1]: must be an X25519 key of age-keygen, age1…: keys of plugins are not taken",
      "10:11: jobs[0].encryption.recipients[2]: must be a public key of age-keygen: age1 and 58 more characters, with the right checksum",
      "11:11: jobs[0].encryption.recipients[3]: must be a public key, age1…, and this is a private one: make a new pair",
    ],
  },
  {
    title: "recipients together with a passphrase, which is given as itself",
    text: job(
      "encryption: { type: age, recipients: [age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj], passphrase_env: HOME, passphrase: x }",
    ),
    faults: [
      "5:17: jobs[0].encryption: takes recipients or a passphrase, not both: a file of age has one or the other",
      "5:124: jobs[0].encryption.passphrase_env: the environment variable HOME is not set",
      "5:130: jobs[0].encryption.passphrase: a secret cannot stand in the configuration: use passphrase_env, passphrase_file, passphrase_vault, passphrase_secret or passphrase_ssm",
    ],
  },
  {
    title: "an unknown key of a job",
    text: job("shedule: '@daily'"),
    faults: ["5:5: jobs[0].shedule: unknown key (did you mean schedule?)"],
  },
  {
    title: "a duplicate key",
    text: job("fatal: true\nfatal: false"),
    faults: ["6:5: jobs[0].fatal: duplicate key, the first is on line 5"],
  },
  {
    title: "keys that every JavaScript object has",
    text: job("constructor: 1\n__proto__: { fatal: true }\ntoString: 2"),
    faults: [
      "5:5: jobs[0].constructor: unknown key",
      "6:5: jobs[0].__proto__: unknown key",
      "7:5: jobs[0].toString: unknown key",
    ],
  },
  {
    title: "two jobs of one name",
    text: `jobs:\n${JOB}${JOB}${STORAGE}`,
    faults: ["3:13: jobs[1].name: jobs[0] has this name already"],
  },
  {
    title: "a name with a line break",
    text: job("x: 1").replace("name: a", 'name: "a\\nb"').replace("    x: 1\n", ""),
    faults: ["2:11: jobs[0].name: must be a name in one line, without spaces around it"],
  },
  {
    title: "an empty name",
    text: job("x: 1").replace("name: a", "name: ''").replace("    x: 1\n", ""),
    faults: ["2:11: jobs[0].name: must not be empty"],
  },
  {
    title: "a name that is a number",
    text: job("x: 1").replace("name: a", "name: 2026").replace("    x: 1\n", ""),
    faults: ["2:11: jobs[0].name: must be text, not a number (put it in quotes)"],
  },
  {
    title: "an unknown service",
    text: `jobs:\n  - { name: a, service: filesytem, options: { paths: docs } }\n${STORAGE}`,
    faults: ['2:25: jobs[0].service: unknown service "filesytem" (did you mean filesystem?)'],
  },
  {
    title: "a misspelt service with options that are wrong",
    text: `jobs:\n  - { name: a, service: filesytem, options: { pathes: docs } }\n${STORAGE}`,
    faults: [
      '2:25: jobs[0].service: unknown service "filesytem" (did you mean filesystem?)',
      "2:47: jobs[0].options.pathes: unknown key (did you mean paths?)",
    ],
  },
  {
    title: "a service that every JavaScript object has",
    text: `jobs:\n  - { name: a, service: constructor }\n${STORAGE}`,
    faults: [
      '2:25: jobs[0].service: unknown service "constructor"; there are docker_volume, filesystem, git, github, mongodb',
    ],
  },
  {
    title: "an unknown storage",
    text: job("target_storage: locla"),
    faults: ['5:21: jobs[0].target_storage: unknown storage "locla" (did you mean local?)'],
  },
  {
    title: "a storage that every JavaScript object has",
    text: job("target_storage: __proto__"),
    faults: ['5:21: jobs[0].target_storage: unknown storage "__proto__"; there is local'],
  },
  {
    title: "no target where there are two storages",
    text: `jobs:\n${JOB}${STORAGE}  nas: { type: nfs, base_path: /mnt/nas }\n`,
    faults: ["2:5: jobs[0].target_storage: is missing: it must be local or nas"],
  },
  {
    title: "a cron minute out of range",
    text: job("schedule: 60 * * * *"),
    faults: ['5:15: jobs[0].schedule: minute: "60" is out of range, 0 to 59'],
  },
  {
    title: "a cron hour out of range",
    text: job("schedule: 0 24 * * *"),
    faults: ['5:15: jobs[0].schedule: hour: "24" is out of range, 0 to 23'],
  },
  {
    title: "a cron day of month out of range",
    text: job("schedule: 0 0 32 * *"),
    faults: ['5:15: jobs[0].schedule: day of month: "32" is out of range, 1 to 31'],
  },
  {
    title: "a cron month that is no month",
    text: job("schedule: 0 0 1 FOO *"),
    faults: ['5:15: jobs[0].schedule: month: "FOO" is not a number from 1 to 12 or a name from JAN to DEC'],
  },
  {
    title: "a cron day of week out of range",
    text: job("schedule: 0 0 * * 8"),
    faults: ['5:15: jobs[0].schedule: day of week: "8" is out of range, 0 to 7'],
  },
  {
    title: "a cron step of zero",
    text: job('schedule: "*/0 * * * *"'),
    faults: ['5:15: jobs[0].schedule: minute: the step "0" is not a number from 1 to 59'],
  },
  {
    title: "a cron step without a range",
    text: job("schedule: 5/15 * * * *"),
    faults: ["5:15: jobs[0].schedule: minute: a step needs a range or *, such as 5-59/15"],
  },
  {
    title: "a cron range that runs backwards",
    text: job("schedule: 0 0 * * FRI-MON"),
    faults: ["5:15: jobs[0].schedule: day of week: the range FRI-MON runs backwards"],
  },
  {
    title: "a cron value that is empty",
    text: job("schedule: 0 1,,2 * * *"),
    faults: ['5:15: jobs[0].schedule: hour: "" is not a value, range or step'],
  },
  {
    title: "a cron expression with seconds",
    text: job("schedule: 0 0 3 * * *"),
    faults: [
      "5:15: jobs[0].schedule: a schedule has 5 fields (minute, hour, day of month, month, day of week), this one has 6; seconds and years are not supported",
    ],
  },
  {
    title: "a cron expression that is too short",
    text: job("schedule: 0 3 *"),
    faults: [
      "5:15: jobs[0].schedule: a schedule has 5 fields (minute, hour, day of month, month, day of week), this one has 3",
    ],
  },
  {
    title: "an empty cron expression",
    text: job('schedule: ""'),
    faults: [
      "5:15: jobs[0].schedule: an empty schedule: give five fields (minute, hour, day of month, month, day of week)",
    ],
  },
  {
    title: "a nickname that is none",
    text: job('schedule: "@reboot"'),
    faults: [
      "5:15: jobs[0].schedule: @reboot is not supported; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
    ],
  },
  {
    title: "a date that never comes",
    text: job("schedule: 0 0 30 2 *"),
    faults: ["5:15: jobs[0].schedule: day of month: FEB never has a day 30, so this would never run"],
  },
  {
    title: "dates that never come",
    text: job("schedule: 0 0 31 4,6,SEP *"),
    faults: ["5:15: jobs[0].schedule: day of month: APR, JUN, SEP never has a day 31, so this would never run"],
  },
  {
    title: "a schedule that is a number",
    text: job("schedule: 5"),
    faults: ['5:15: jobs[0].schedule: must be a cron expression in quotes, such as "0 3 * * *"'],
  },
  {
    title: "a schedule without a value",
    text: job("schedule:"),
    faults: ['5:5: jobs[0].schedule: must be a cron expression in quotes, such as "0 3 * * *"'],
  },
  {
    title: "an unknown time zone",
    text: job("timezone: Europe/Belrin"),
    faults: ['5:15: jobs[0].timezone: unknown time zone "Europe/Belrin" (did you mean Europe/Berlin?)'],
  },
  {
    title: "a time zone in the wrong case",
    text: job("timezone: europe/berlin"),
    faults: ['5:15: jobs[0].timezone: unknown time zone "europe/berlin" (did you mean Europe/Berlin?)'],
  },
  {
    title: "an offset for a time zone",
    text: job('timezone: "+01:00"'),
    faults: ['5:15: jobs[0].timezone: unknown time zone "+01:00"'],
  },
  {
    title: "a negative retention",
    text: job("retention_days: -1"),
    faults: ["5:21: jobs[0].retention_days: must be at least 1, not -1"],
  },
  {
    title: "no days of retention",
    text: job("retention_days: 0"),
    faults: ["5:21: jobs[0].retention_days: must be at least 1, not 0"],
  },
  {
    title: "half a day of retention",
    text: job("retention_days: 1.5"),
    faults: ["5:21: jobs[0].retention_days: must be a whole number, not 1.5"],
  },
  {
    title: "infinite retention",
    text: job("retention_days: .inf"),
    faults: ["5:21: jobs[0].retention_days: must be a number, not Infinity"],
  },
  {
    title: "an unknown rule of retention",
    text: job("retention: { keep_dayly: 7 }"),
    faults: ["5:18: jobs[0].retention.keep_dayly: unknown key (did you mean keep_daily?)"],
  },
  {
    title: "an unknown mode of retention",
    text: job("retention: { mode: counts, keep_last: 3 }"),
    faults: ['5:24: jobs[0].retention.mode: must be count, age or hybrid, not "counts" (did you mean count?)'],
  },
  {
    title: "a count without a number",
    text: job("retention: { mode: count }"),
    faults: ["5:24: jobs[0].retention.mode: count needs keep_last"],
  },
  {
    title: "an age without days",
    text: job("retention: { mode: age, keep_last: 3 }"),
    faults: [
      "5:24: jobs[0].retention.mode: age needs keep_days",
      "5:40: jobs[0].retention.keep_last: contradicts mode age: leave it out, or use mode hybrid",
    ],
  },
  {
    title: "a count with days",
    text: job("retention: { mode: count, keep_last: 3, keep_days: 3 }"),
    faults: ["5:56: jobs[0].retention.keep_days: contradicts mode count: leave it out, or use mode hybrid"],
  },
  {
    title: "a hybrid without rules",
    text: job("retention: { mode: hybrid }"),
    faults: [
      "5:24: jobs[0].retention.mode: hybrid needs at least one of keep_last, keep_days, keep_daily, keep_weekly, keep_monthly, keep_yearly",
    ],
  },
  {
    title: "days given twice",
    text: job("retention_days: 30\nretention: { keep_days: 30 }"),
    faults: ["5:21: jobs[0].retention_days: is given again as retention.keep_days: leave one out"],
  },
  {
    title: "days beside a count",
    text: job("retention_days: 30\nretention: { mode: count, keep_last: 3 }"),
    faults: ["5:21: jobs[0].retention_days: contradicts retention.mode count: leave one out, or use mode hybrid"],
  },
  {
    title: "more to keep than is kept",
    text: job("retention: { keep_last: 3, min_keep: 5 }"),
    faults: ["5:42: jobs[0].retention.min_keep: 5 is more than keep_last, 3"],
  },
  {
    title: "negative rules of retention",
    text: job("retention: { keep_last: -3, keep_weekly: 0, max_removals: -1 }"),
    faults: [
      "5:29: jobs[0].retention.keep_last: must be at least 1, not -3",
      "5:46: jobs[0].retention.keep_weekly: must be at least 1, not 0",
      "5:63: jobs[0].retention.max_removals: must be at least 1, not -1",
    ],
  },
  {
    title: "no concurrency",
    text: job("concurrency: 0"),
    faults: ["5:18: jobs[0].concurrency: must be at least 1, not 0"],
  },
  {
    title: "concurrency in words",
    text: job("concurrency: four"),
    faults: ["5:18: jobs[0].concurrency: must be a number, not text"],
  },
  {
    title: "a timeout without a unit",
    text: job("timeout: 30"),
    faults: ["5:14: jobs[0].timeout: must be a whole number with a unit, such as 30s, 15m, 2h, 1d or 1w"],
  },
  {
    title: "a timeout in words",
    text: job("timeout: 2 hours"),
    faults: ["5:14: jobs[0].timeout: must be a whole number with a unit, such as 30s, 15m, 2h, 1d or 1w"],
  },
  {
    title: "a timeout that no timer can wait for",
    text: job("timeout: 4w"),
    faults: ["5:14: jobs[0].timeout: must not be longer than 24d"],
  },
  {
    title: "an unknown compression",
    text: job("compression: zstdd"),
    faults: ["5:18: jobs[0].compression: must be zstd, gzip, none, or a mapping such as { type: zstd, level: 9 }"],
  },
  {
    title: "a compression level out of range",
    text: job("compression: { type: gzip, level: 10 }"),
    faults: ["5:39: jobs[0].compression.level: must be at most 9, not 10"],
  },
  {
    title: "a compression without a type",
    text: job("compression: { level: 3 }"),
    faults: ["5:5: jobs[0].compression.type: is missing: it must be zstd, gzip or none"],
  },
  {
    title: "a level for no compression",
    text: job("compression: { type: none, level: 3 }"),
    faults: ["5:32: jobs[0].compression.level: unknown key; known here: type"],
  },
  {
    title: "a compression that is a list",
    text: job("compression: [zstd]"),
    faults: ["5:18: jobs[0].compression: must be zstd, gzip, none, or a mapping such as { type: zstd, level: 9 }"],
  },
  {
    title: "a share of more than all",
    text: job("verify: { checksum: 110% }"),
    faults: ["5:25: jobs[0].verify.checksum: must be a percentage from 0% to 100%, such as 10%"],
  },
  {
    title: "a share without a percent sign",
    text: job("verify: { checksum: 10 }"),
    faults: ["5:25: jobs[0].verify.checksum: must be a percentage from 0% to 100%, such as 10%"],
  },
  {
    title: "an unknown proof",
    text: job("verify: { prove: fully }"),
    faults: ["5:22: jobs[0].verify.prove: must be true, false or full"],
  },
  {
    title: "verify that is no mapping",
    text: job("verify: false"),
    faults: ["5:13: jobs[0].verify: must be a mapping, not false"],
  },
  {
    title: "fatal in YAML 1.1's words",
    text: job("fatal: yes"),
    faults: ['5:12: jobs[0].fatal: must be true or false, not "yes"'],
  },
  {
    title: "options that are missing",
    text: `jobs:\n  - name: a\n    service: filesystem\n${STORAGE}`,
    faults: ["2:5: jobs[0].options.paths: is missing: it must be text or a list"],
  },
  {
    title: "options that are a list",
    text: options("- docs"),
    faults: ["5:7: jobs[0].options: must be a mapping, not a list"],
  },
  {
    title: "an option of another service",
    text: options("paths: docs\nrepositories: [.]"),
    faults: [
      "6:7: jobs[0].options.repositories: belongs to service git and github, and this is a job of service filesystem",
    ],
  },
  {
    title: "an option that belongs to the job",
    text: options("paths: docs\ntimeout: 1h"),
    faults: ["6:7: jobs[0].options.timeout: belongs to the job itself, not under options"],
  },
  {
    title: "a job's key that belongs to the options",
    text: job("exclude: ['*.log']"),
    faults: ["5:5: jobs[0].exclude: belongs under options"],
  },
  {
    title: "a misspelt option",
    text: options("path: docs"),
    faults: ["5:7: jobs[0].options.path: unknown key (did you mean paths?)"],
  },
  {
    title: "an option without a value",
    text: options("paths:"),
    faults: ["5:7: jobs[0].options.paths: must be text or a list, not nothing"],
  },
  {
    title: "an option of the wrong type",
    text: options("paths: docs\none_file_system: 1"),
    faults: ["6:24: jobs[0].options.one_file_system: must be true or false, not a number"],
  },
  { title: "no paths", text: options("paths: []"), faults: ["5:14: jobs[0].options.paths: name at least one path"] },
  {
    title: "the same path twice",
    text: options("paths: [docs, docs]"),
    faults: ["5:21: jobs[0].options.paths[1]: the same path as paths[0], docs"],
  },
  {
    title: "faults of one mapping and between its fields",
    text: options("paths: [docs, docs]\nexlude: x"),
    faults: [
      "5:21: jobs[0].options.paths[1]: the same path as paths[0], docs",
      "6:7: jobs[0].options.exlude: unknown key (did you mean exclude?)",
    ],
  },
  {
    title: "a literal token",
    text: repository("token: hunter2"),
    faults: [
      "7:11: jobs[0].options.repositories[0].token: a secret cannot stand in the configuration: use token_env, token_file, token_vault, token_secret or token_ssm",
    ],
  },
  {
    title: "a literal token beside a reference",
    text: repository("token: hunter2\ntoken_env: SET"),
    faults: [
      "7:11: jobs[0].options.repositories[0].token: a secret cannot stand in the configuration: use token_env, token_file, token_vault, token_secret or token_ssm",
    ],
  },
  {
    title: "a variable that is not set",
    text: repository("token_env: NOT_SET"),
    faults: ["7:22: jobs[0].options.repositories[0].token_env: the environment variable NOT_SET is not set"],
  },
  {
    title: "a variable that is empty",
    text: repository("token_env: EMPTY"),
    faults: ["7:22: jobs[0].options.repositories[0].token_env: the environment variable EMPTY is empty"],
  },
  {
    title: "a token where a variable's name belongs",
    text: repository("token_env: ghp_0123456789abcdefghijABCDEFGHIJ012345"),
    faults: [
      "7:22: jobs[0].options.repositories[0].token_env: must be the name of an environment variable, such as TOKEN, not a value",
    ],
  },
  {
    title: "a password where a variable's name belongs",
    text: repository("username: u\npassword_env: s3cr3t-pa$$"),
    faults: [
      "8:25: jobs[0].options.repositories[0].password_env: must be the name of an environment variable, such as PASSWORD, not a value",
    ],
  },
  {
    title: "a variable with a dollar sign",
    text: repository("token_env: $TOKEN"),
    faults: [
      "7:22: jobs[0].options.repositories[0].token_env: must be the name of an environment variable, such as TOKEN, not a value",
    ],
  },
  {
    title: "a secret file that is not there",
    text: repository("token_file: nothing-here"),
    faults: [
      "7:23: jobs[0].options.repositories[0].token_file: the file FOLDER/nothing-here cannot be read: it does not exist",
    ],
  },
  {
    title: "a secret file that is empty",
    text: repository("token_file: empty-secret"),
    faults: ["7:23: jobs[0].options.repositories[0].token_file: the file FOLDER/empty-secret is empty"],
  },
  {
    title: "a secret file that is a folder",
    text: repository("token_file: ."),
    faults: ["7:23: jobs[0].options.repositories[0].token_file: the file FOLDER cannot be read: it is a folder"],
  },
  {
    title: "two forms of one secret",
    text: repository("token_env: SET\ntoken_file: secret"),
    faults: ["8:11: jobs[0].options.repositories[0].token_file: is given as token_env already: leave one out"],
  },
  {
    title: "a secret of AWS whose name has a space",
    text: repository("token_secret: two words"),
    faults: [
      "7:25: jobs[0].options.repositories[0].token_secret: must be the name or ARN of a secret, with #field when it holds JSON",
    ],
  },
  {
    title: "a parameter of AWS with another service's ARN",
    text: repository("token_ssm: arn:aws:sqs:eu-central-1:123456789012:queue"),
    faults: [
      "7:22: jobs[0].options.repositories[0].token_ssm: must be the name or ARN of a parameter, with #field when it holds JSON",
    ],
  },
  {
    title: "a vault reference without a field",
    text: repository("token_vault: secret/git"),
    faults: ["7:24: jobs[0].options.repositories[0].token_vault: must have the form mount/path#field"],
  },
  {
    title: "a secret that is a number",
    text: repository("token_env: 12345"),
    faults: ["7:22: jobs[0].options.repositories[0].token_env: must be text, not a number (put it in quotes)"],
  },
  {
    title: "a URL with a password",
    text: options("x").replace(
      "filesystem\n    options:\n      x",
      "git\n    options:\n      repositories: ['https://user:hunter2@git.example.com/a.git']",
    ),
    faults: [
      "5:22: jobs[0].options.repositories[0]: holds credentials; give them as token_env, or as username and password_env (or …_file, …_vault, …_secret, …_ssm)",
    ],
  },
  {
    title: "a repository that is a number",
    text: options("x").replace("filesystem\n    options:\n      x", "git\n    options:\n      repositories: [5]"),
    faults: ["5:22: jobs[0].options.repositories[0]: must be text or a mapping, not a number (put it in quotes)"],
  },
  {
    title: "no storage",
    text: `jobs:\n${JOB}storage: {}\n`,
    faults: ["3:10: storage: must hold at least one storage"],
  },
  {
    title: "a storage that is text",
    text: storage("storage:\n  local: ./backups"),
    faults: ["4:10: storage.local: must be a mapping with type, not text"],
  },
  {
    title: "an unknown type of storage",
    text: storage("storage:\n  local: { type: filesytem, base_path: x }"),
    faults: ['4:18: storage.local.type: unknown storage type "filesytem" (did you mean filesystem?)'],
  },
  {
    title: "a storage of a misspelt type with more that is wrong",
    text: storage("storage:\n  local: { type: filesytem, base_path: 7, foo: 1 }"),
    faults: [
      '4:18: storage.local.type: unknown storage type "filesytem" (did you mean filesystem?)',
      "4:40: storage.local.base_path: must be text, not a number (put it in quotes)",
      "4:43: storage.local.foo: unknown key; known here: type, base_path",
    ],
  },
  {
    title: "a storage without a type",
    text: storage("storage:\n  local: { base_path: x }"),
    faults: ["4:3: storage.local.type: is missing: it must be filesystem, nfs or s3"],
  },
  {
    title: "a bucket that is not named",
    text: storage("storage:\n  local: { type: s3, prefix: a//b, kms_key: k, secret_access_key_env: SET }"),
    faults: [
      "4:3: storage.local.bucket: is missing: it must be bucket, bucket_env, bucket_file or bucket_vault",
      "4:3: storage.local.access_key_id: is missing: secret_access_key is given",
      "4:30: storage.local.prefix: must be folders such as backups/, without a slash in front and without empty, . or .. parts",
      "4:45: storage.local.kms_key: takes sse: aws:kms",
    ],
  },
  {
    title: "a bucket with a literal secret, an archive class and an endpoint with a password",
    text: storage(
      "storage:\n  local:\n    type: s3\n    bucket: b\n    secret_access_key: canary\n    storage_class: DEEP_ARCHIVE\n    endpoint: https://user:canary@s3/",
    ),
    faults: [
      "7:5: storage.local.secret_access_key: a secret cannot stand in the configuration: use secret_access_key_env, secret_access_key_file, secret_access_key_vault, secret_access_key_secret or secret_access_key_ssm",
      '8:20: storage.local.storage_class: must be STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR or REDUCED_REDUNDANCY, not "DEEP_ARCHIVE"',
      "9:15: storage.local.endpoint: must be an address such as https://s3.example.com:9000, without user, query or fragment",
    ],
  },
  {
    title: "a storage without a path",
    text: storage("storage:\n  local: { type: nfs }"),
    faults: ["4:3: storage.local.base_path: is missing: it must be text"],
  },
  {
    title: "an empty path of a storage",
    text: storage("storage:\n  local: { type: nfs, base_path: '' }"),
    faults: ["4:34: storage.local.base_path: must not be empty"],
  },
  {
    title: "an unknown key of a storage",
    text: storage("storage:\n  local: { type: nfs, base_path: x, require_mounts: false }"),
    faults: ["4:37: storage.local.require_mounts: unknown key (did you mean require_mount?)"],
  },
  {
    title: "a mount check for a folder",
    text: storage("storage:\n  local: { type: filesystem, base_path: x, require_mount: true }"),
    faults: ["4:44: storage.local.require_mount: unknown key; known here: type, base_path"],
  },
  {
    title: "a storage of an odd name",
    text: storage('storage:\n  "a.b c": { type: nfs }'),
    faults: ['4:3: storage["a.b c"].base_path: is missing: it must be text'],
  },
  {
    title: "no jobs at a time",
    text: storage(`${STORAGE}max_jobs: 0`),
    faults: ["5:11: max_jobs: must be at least 1, not 0"],
  },
  {
    title: "jobs at a time in words",
    text: storage(`${STORAGE}max_jobs: many`),
    faults: ["5:11: max_jobs: must be a number, not text"],
  },
  {
    title: "an unknown vault login",
    text: vault("address: https://vault.example.com\nauth: { type: ldap }"),
    faults: ['8:19: secrets.vault.auth.type: must be token, approle or kubernetes, not "ldap"'],
  },
  {
    title: "a vault login without a type",
    text: vault("address: https://vault.example.com\nauth: { role: x }"),
    faults: ["8:5: secrets.vault.auth.type: is missing: it must be token, approle or kubernetes"],
  },
  {
    title: "a vault address that is none",
    text: vault("address: vault.example.com"),
    faults: [
      "7:14: secrets.vault.address: must be an address such as https://vault.example.com:8200, without user, query or fragment",
    ],
  },
  {
    title: "a literal vault token",
    text: vault("address: https://vault.example.com\nauth: { type: token, token: hunter2 }"),
    faults: ["8:26: secrets.vault.auth.token: a secret cannot stand in the configuration: use token_env or token_file"],
  },
  {
    title: "a vault's certificate file that is not there",
    text: vault("address: https://vault.example.com\nca_file: nothing.pem"),
    faults: ["8:14: secrets.vault.ca_file: the file FOLDER/nothing.pem cannot be read: it does not exist"],
  },
  {
    title: "secrets in a place of their own",
    text: vault("x").replace("secrets:\n  vault:\n    x", "secrets: { valt: {} }"),
    faults: ["5:12: secrets.valt: unknown key (did you mean vault?)"],
  },
  {
    title: "a key without a colon",
    text: "jobs\n  - name: a\n",
    faults: ["1:1: not YAML: a key needs a colon behind it on its line"],
  },
  {
    title: "a storage without a name",
    text: storage("storage:\n  type: filesystem\n  base_path: ./b"),
    faults: [
      "2:5: jobs[0].target_storage: is missing: it must be type or base_path",
      "4:9: storage.type: must be a mapping with type, not text",
      "5:14: storage.base_path: must be a mapping with type, not text",
    ],
  },
  {
    title: "a notifier whose name is no type, without type",
    text: notifications("ops: { webhook_env: SET }"),
    faults: ["6:3: notifications.ops.type: is missing: it must be slack, email, pagerduty, webhook or sns"],
  },
  {
    title: "a notifier type that there is not",
    text: notifications("ops: { type: slak, webhook_env: SET }"),
    faults: ['6:16: notifications.ops.type: unknown notifier type "slak" (did you mean slack?)'],
  },
  {
    title: "a webhook as it is, in the file",
    text: notifications("slack: { webhook: https://hooks.slack.com/services/hunter2 }"),
    faults: [
      "6:10: notifications.slack: needs webhook_env, webhook_file or another form of it",
      "6:12: notifications.slack.webhook: a secret cannot stand in the configuration: use webhook_env, webhook_file, webhook_vault, webhook_secret or webhook_ssm",
    ],
  },
  {
    title: "a notifier whose variable is not set",
    text: notifications("pagerduty: { routing_key_env: UNSET }"),
    faults: ["6:33: notifications.pagerduty.routing_key_env: the environment variable UNSET is not set"],
  },
  {
    title:
      "metrics: an output that there is not, a label that is ours, one that is none, and a timeout that is too long",
    text: metrics(
      "textfiles: { folder: x }\nlabels: { status: a, a-b: c, good: d }\ntextfile: { folder: x, timeout: 2m }",
    ),
    faults: [
      "6:3: metrics.textfiles: unknown key (did you mean textfile?)",
      "7:21: metrics.labels.status: is a label that metrics have already: choose another name",
      "7:29: metrics.labels.a-b: is no name for a label: letters, digits and underscores",
      "8:35: metrics.textfile.timeout: must not be longer than 1m",
    ],
  },
  {
    title: "a Pushgateway whose address holds a password, with half of the credentials",
    text: metrics('pushgateway: { url: "http://me:hunter2@push:9091", password_env: SET }'),
    faults: [
      "6:16: metrics.pushgateway: needs username and password, or neither",
      "6:23: metrics.pushgateway.url: must hold no credentials: username, password and token have keys of their own",
    ],
  },
  {
    title: "hooks of every wrong kind",
    text: job("hooks:\n  befor: ls\n  before: 7\n  after: { run: ls, timeout: soon, env: [UNSET] }\n  on_failure: []"),
    faults: [
      "6:7: jobs[0].hooks.befor: unknown key (did you mean before?)",
      "7:15: jobs[0].hooks.before: must be text, a list or a mapping, not a number (put it in quotes)",
      "8:34: jobs[0].hooks.after.timeout: must be a whole number with a unit, such as 30s, 15m, 2h, 1d or 1w",
      "8:46: jobs[0].hooks.after.env[0]: the environment variable UNSET is not set",
      "9:19: jobs[0].hooks.on_failure: must hold at least 1 entry",
    ],
  },
  {
    title: "notifications that are a list",
    text: notifications("- slack"),
    faults: ["6:3: notifications: must be a mapping, not a list"],
  },
  {
    title: "an event that there is not",
    text: notifications("slack: { webhook_env: SET, on: [failures] }"),
    faults: [
      '6:35: notifications.slack.on[0]: must be missed, failure, partial, threshold, recovered, changed or success, not "failures" (did you mean failure?)',
    ],
  },
  {
    title: "thresholds that are none",
    text: notifications(
      "slack:\n  webhook_env: SET\n  thresholds: { shrunk_by: 120%, bytes_over: 5 gigs, duration_over: 2, unit_failures_over: -1, shrunk: 1% }",
    ),
    faults: [
      "8:30: notifications.slack.thresholds.shrunk_by: must be a percentage from 0% to 100%, such as 10%",
      "8:48: notifications.slack.thresholds.bytes_over: must be a size with a unit, such as 500 MB or 10 GiB",
      "8:71: notifications.slack.thresholds.duration_over: must be a whole number with a unit, such as 30s, 15m, 2h, 1d or 1w",
      "8:94: notifications.slack.thresholds.unit_failures_over: must be at least 0, not -1",
      "8:98: notifications.slack.thresholds.shrunk: unknown key (did you mean shrunk_by?)",
    ],
  },
  {
    title: "a password that would be sent without encryption",
    text: notifications(
      "email: { host: mail.example.com, tls: none, from: a@example.com, to: [b@example.com], username: a, password_env: SET }",
    ),
    faults: ["6:41: notifications.email.tls: must not be none where a password is sent"],
  },
  {
    title: "a mail with half a login, to nobody",
    text: notifications("email: { host: mail.example.com, from: a@example.com, to: [], username: a }"),
    faults: [
      "6:10: notifications.email: needs username and password, or neither",
      "6:61: notifications.email.to: must hold at least 1 entry",
    ],
  },
  {
    title: "a webhook without an address",
    text: notifications("hook: { type: webhook, key_env: SET }"),
    faults: [
      "6:9: notifications.hook: needs url_env, url_file or another form of it, or one of the pings start_url, success_url and failure_url",
    ],
  },
  {
    title: "a link that names no key, and a time that is too long",
    text: notifications("slack: { webhook_env: SET, manifest_link: https://example.com/, timeout: 1h }"),
    faults: [
      "6:45: notifications.slack.manifest_link: must be an http or https address that holds {key}, such as https://backups.example.com/{key}",
      "6:76: notifications.slack.timeout: must not be longer than 10m",
    ],
  },
  {
    title: "a topic by its name",
    text: notifications("sns: { topic_arn: backups }"),
    faults: [
      "6:21: notifications.sns.topic_arn: must be a topic's ARN, such as arn:aws:sns:eu-central-1:123456789012:backups",
    ],
  },
  {
    title: "a job that names a notifier that there is not",
    text: notifications("slack: { webhook_env: SET }").replace("docs }", "docs }, notify: [slack, slck]"),
    faults: ['2:79: jobs[0].notify[1]: unknown notifier "slck" (did you mean slack?)'],
  },
  {
    title: "hosts that egress.allow does not list",
    text: `egress: { allow: ["*.example.com:443", 10.0.0.0/8] }
proxy: { url: "http://proxy.example.org:3128" }
jobs:
  - { name: a, service: git, options: { repositories: ["https://git.example.com/a.git", { url: "git@other.example:b.git" }] } }
  - { name: b, service: github, options: { organization: o, token_env: SET } }
  - { name: c, service: mongodb, options: { uri: "mongodb://10.1.2.3,11.1.2.3:27018/" } }
  - { name: d, service: docker_volume, options: { volumes: all, host: "tcp://[fd00::1]:2376" } }
storage: { cloud: { type: s3, bucket: backups, region: eu-central-1 } }
notifications:
  email: { host: mail.example.com, from: a@b.example, to: [a@b.example] }
  pagerduty: { routing_key_env: SET }
  sns: { topic_arn: "arn:aws:sns:eu-west-1:123456789012:backups" }
metrics: { pushgateway: { url: "http://push.example.com:9091" }, statsd: {} }
secrets: { vault: { address: "https://vault.example.com:8200" } }
`,
    faults: [
      "2:15: proxy.url: needs proxy.example.org:3128, which egress.allow does not list",
      "4:96: jobs[0].options.repositories[1].url: needs other.example:22, which egress.allow does not list",
      "5:25: jobs[1].service: needs api.github.com:443, which egress.allow does not list",
      "5:25: jobs[1].service: needs github.com:443, which egress.allow does not list",
      "6:50: jobs[2].options.uri: MongoDB cannot be reached through an HTTP proxy, only directly: list 10.1.2.3 in proxy.no_proxy if that is meant",
      "6:50: jobs[2].options.uri: needs 11.1.2.3:27018, which egress.allow does not list",
      "7:71: jobs[3].options.host: needs [fd00::1]:2376, which egress.allow does not list",
      "8:39: storage.cloud.bucket: needs backups.s3.eu-central-1.amazonaws.com:443, which egress.allow does not list",
      "10:18: notifications.email.host: needs mail.example.com:587, which egress.allow does not list",
      "11:14: notifications.pagerduty: needs events.pagerduty.com:443, which egress.allow does not list",
      "12:21: notifications.sns.topic_arn: needs sns.eu-west-1.amazonaws.com:443, which egress.allow does not list",
      "13:32: metrics.pushgateway.url: needs push.example.com:9091, which egress.allow does not list",
      "13:74: metrics.statsd: needs 127.0.0.1:8125, which egress.allow does not list",
      "14:30: secrets.vault.address: needs vault.example.com:8200, which egress.allow does not list",
    ],
  },
  {
    title: "a proxy and an egress list that are none",
    text: `proxy: { url: "http://user:canary@proxy.example.com", no_proxy: ["http://a"] }\negress: { allow: ["https://a.example", 10.0.0.999] }\njobs:\n${JOB}${STORAGE}`,
    faults: [
      "1:15: proxy.url: holds a password: put the whole address into a variable, a file or a vault, and give url_env, url_file or the like",
      "1:66: proxy.no_proxy[0]: must be a host, which is for all below it as well, an address, a range of IPv4 such as 10.0.0.0/8, or *; a host or an address with :port or without",
      "2:19: egress.allow[0]: must be a host, a pattern such as *.example.com, an address, or a range such as 10.0.0.0/8, each with :port or without; not a URL",
      "2:40: egress.allow[1]: must be a host, a pattern such as *.example.com, an address, or a range such as 10.0.0.0/8, each with :port or without",
    ],
  },
  {
    title: "a MongoDB that only a proxy would reach",
    text: `proxy: { url: "http://proxy.example.org:3128", no_proxy: [one.example] }
jobs:
  - { name: a, service: mongodb, options: { uri: "mongodb://one.example,two.example/" } }
${STORAGE}`,
    faults: [
      "3:50: jobs[0].options.uri: MongoDB cannot be reached through an HTTP proxy, only directly: list two.example in proxy.no_proxy if that is meant",
    ],
  },
  {
    title: "a proxy without an address",
    text: `proxy: { no_proxy: [a] }\njobs:\n${JOB}${STORAGE}`,
    faults: ["1:8: proxy: needs url, url_env, url_file or another form of it"],
  },
  {
    title: "a storage's own proxy with a password",
    text: `jobs:\n${JOB}storage:\n  local: { type: s3, bucket: backups, proxy: "http://user:canary@proxy.example.com" }\n`,
    faults: [
      "4:46: storage.local.proxy: holds a password: put the whole address into a variable, a file or a vault, and give proxy_env, proxy_file or the like",
    ],
  },
  {
    title: "a proxy for SOCKS",
    text: `proxy: { url: "socks5://a:1080" }\njobs:\n${JOB}${STORAGE}`,
    faults: ["1:15: proxy.url: must be an address such as http://proxy.example.com:3128"],
  },
];

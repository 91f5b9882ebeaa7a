import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { awsConfig } from "../../../infra/aws-config.ts";
import type { Deployed } from "../../../infra/deployed.ts";
import { onAwsFaults } from "../../../infra/on-aws.ts";
import { loadConfig } from "../../../lib/config/load.ts";
import { ConfigError } from "../../../lib/errors.ts";

/** Deployed without any parameter. */
const PLAIN: Deployed = { mounts: [], image: "" };

const YAML = `jobs:
  - name: app
    service: git
    timeout: 7d
    hooks: { before: systemctl stop app }
    encryption: { type: age, passphrase_secret: backups/words, names_key_secret: backups/names, encrypt_manifest: true }
    options: { repositories: [https://git.example.com/app.git] }
storage:
  s3: { type: s3, bucket: backups, region: eu-central-1, sse: "aws:kms", kms_key: backups }
metrics:
  textfile: { folder: /var/lib/node-exporter }
  pushgateway: { url: "http://push.example.com:9091" }
  cloudwatch: {}
`;

test("hooks, units that may take as long as a run, metrics that need a machine, and encrypted plans are refused on AWS at their place in the file, and are right at a desk", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-on-aws-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "core-backup.yml");
  await writeFile(file, YAML);
  await loadConfig(file, { env: {} });
  const error: unknown = await loadConfig(file, { env: {}, more: (value) => onAwsFaults(value, PLAIN) }).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError);
  assert.deepEqual(
    error.faults.map(({ line, column, path, message }) => `${line}:${column}: ${path}: ${message}`),
    [
      "4:14: jobs[0].timeout: must not be longer than 6d on AWS, where a run is ended after 7d",
      "5:5: jobs[0].hooks: cannot be run on AWS, where no machine of yours is",
      "6:115: jobs[0].encryption.encrypt_manifest: cannot be had on AWS, where the state machine reads the plan, which would be encrypted as well",
      "9:83: storage.s3.kms_key: must be the id or ARN of a key, or the name (alias/…) or ARN of an alias: the functions get rights to it",
      "11:13: metrics.textfile: has no folder to write to on AWS: use cloudwatch",
      '12:16: metrics.pushgateway: needs instance on AWS, where no name of a machine lasts: give one, or "" for none',
    ],
  );
});

const SOURCES = `jobs:
  - { name: here, service: docker_volume, options: { volumes: all } }
  - name: socket
    service: docker_volume
    options: { volumes: all, host: "unix:///run/docker.sock" }
  - name: behind-ssh
    service: docker_volume
    options: { volumes: all, host: "ssh://ops@docker.example.com", ssh_key_file: id_ed25519 }
  - name: far
    service: docker_volume
    options:
      volumes: all
      consistency: pause
      exec_before: [{ container: db, command: [lock] }]
      exec_after: [{ container: db, command: [unlock] }]
      host: tcp://docker.example.com:2376
      tls: { ca_file: ca.pem, cert_secret: docker/cert, key_secret: docker/key }
  - name: held-in-a-task
    service: docker_volume
    compute: fargate
    options: { volumes: all, consistency: stop, host: "tcp://docker.example.com:2376" }
  - name: git
    service: git
    options:
      repositories:
        - git@git.example.com:team/app.git
        - { url: "ssh://git.example.com/team/web.git", ssh_known_hosts_file: known_hosts }
        - /srv/git/tools.git
        - { url: "https://git.example.com/team/docs.git", token_vault: kv/git#token }
        - https://git.example.com/team/open.git
  - name: sealed
    service: git
    encryption: { type: gpg, public_keys_file: keys.asc, private_key_secret: backups/gpg }
    options: { repositories: [https://git.example.com/team/open.git] }
  - name: mongo
    service: mongodb
    encryption: { type: age, recipients_file: keys.txt }
    options:
      uri_secret: mongo/uri
      tls_ca_file: ca.pem
      databases: [{ name: app, query: { scans: { scan_file: x } } }]
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, region: eu-central-1 }
secrets:
  vault: { address_env: VAULT, auth: { type: approle, role_id: r, secret_id_file: id } }
notifications:
  slack: { webhook_env: SLACK }
`;

test("sources that no function reaches, and what stands in variables and files, are refused with a way that there is", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-on-aws-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "core-backup.yml");
  await writeFile(file, SOURCES);
  const error: unknown = await awsConfig(file, "the-bucket", PLAIN).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Error);
  const tls = "name one that listens on the network, host: tcp://machine:2376 with tls";
  const https = "use https://, with token_secret or token_ssm where it is private";
  const ours = "is a file of this machine, which a function does not have";
  const said = error.message.split("\n").filter((line) => line.startsWith(file));
  assert.deepEqual(
    said.map((line) => line.slice(file.length + 1)),
    [
      `2:52: jobs[0].options: means the Engine of this machine, which functions do not have: ${tls}`,
      `5:36: jobs[1].options.host: is a socket of this machine, which functions do not have: ${tls}`,
      `8:36: jobs[2].options.host: needs the program ssh, which functions do not have: ${tls}`,
      `8:82: jobs[2].options.ssh_key_file: ${ours}`,
      "13:20: jobs[3].options.consistency: is for tasks on AWS: give the job compute: fargate",
      "14:20: jobs[3].options.exec_before: is for tasks on AWS: give the job compute: fargate",
      "17:23: jobs[3].options.tls.ca_file: cannot be had on AWS, where a function has no files of yours: use ca_secret (Secrets Manager) or ca_ssm",
      `26:11: jobs[5].options.repositories[0]: needs the program ssh, which functions do not have: ${https}`,
      `27:18: jobs[5].options.repositories[1].url: needs the program ssh, which functions do not have: ${https}`,
      `27:78: jobs[5].options.repositories[1].ssh_known_hosts_file: ${ours}`,
      "28:11: jobs[5].options.repositories[2]: is a folder of this machine, which functions do not have: use its https:// URL, or run this job at a desk",
      "29:72: jobs[5].options.repositories[3].token_vault: cannot be had on AWS, where a function has nothing to log in to Vault with: use token_secret (Secrets Manager) or token_ssm",
      "33:25: jobs[6].encryption.type: needs the program gpg, which functions do not have: use age",
      `33:48: jobs[6].encryption.public_keys_file: ${ours}: give public_keys`,
      `37:47: jobs[7].encryption.recipients_file: ${ours}: give recipients`,
      "40:20: jobs[7].options.tls_ca_file: cannot be had on AWS, where a function has no files of yours: use tls_ca_secret (Secrets Manager) or tls_ca_ssm",
      "45:25: secrets.vault.address_env: is a variable of this machine, which a function does not have: give address",
      `45:83: secrets.vault.auth.secret_id_file: ${ours}`,
      "47:25: notifications.slack.webhook_env: cannot be had on AWS, where a variable of a function can be read in clear: use webhook_secret (Secrets Manager) or webhook_ssm",
    ],
  );
});

test("containers are held by tasks, which compute auto has with an image", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-on-aws-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "core-backup.yml");
  const yaml = (compute: string) =>
    `jobs: [{ name: held, service: docker_volume, compute: ${compute}, options: { volumes: all, consistency: stop, host: "tcp://docker.example.com:2376" } }]\nstorage: { s3: { type: s3, bucket_env: S3_BUCKET, region: eu-central-1 } }\n`;
  for (const [compute, image, isRefused] of [
    ["auto", "", true],
    ["auto", "build", false],
    ["lambda", "build", true],
    ["fargate", "", false],
  ] as const) {
    await writeFile(file, yaml(compute));
    const said = await awsConfig(file, "the-bucket", { ...PLAIN, image }).then(() => "", String);
    assert.equal(said.includes("options.consistency: is for tasks on AWS"), isRefused, `${compute} ${image}: ${said}`);
    assert.equal(said !== "", isRefused, said);
  }
});

const DUMPS = `jobs:
  - name: functions
    service: mongodb
    compute: lambda
    options: { uri_secret: mongo/uri, dump_strategy: mongodump, databases: [app, { name: web, dump_strategy: driver }] }
  - name: open
    service: mongodb
    compute: auto
    options: { uri_secret: mongo/uri, databases: [{ name: app, dump_strategy: mongodump }] }
  - name: tasks
    service: mongodb
    compute: fargate
    options: { uri_secret: mongo/uri, dump_strategy: mongodump }
  - name: never
    service: mongodb
    options: { uri_secret: mongo/uri, dump_strategy: mongodump, databases: [{ name: app, dump_strategy: driver }] }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, region: eu-central-1 }
`;

test("mongodump is refused where a function would have to run it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-on-aws-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "core-backup.yml");
  await writeFile(file, DUMPS);
  const refused = async (image: string) => {
    const said = await awsConfig(file, "the-bucket", { ...PLAIN, image }).then(() => "", String);
    return said.split("\n").flatMap((line) => /:(\d+:\d+): \S+ (is for tasks)\b/.exec(line)?.slice(1).join(" ") ?? []);
  };
  assert.deepEqual(await refused(""), ["5:54 is for tasks", "9:79 is for tasks"]);
  assert.deepEqual(await refused("build"), ["5:54 is for tasks"]);
  assert.deepEqual(await refused("example.com/core-backup:1"), ["5:54 is for tasks"]);
});

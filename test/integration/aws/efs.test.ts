import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { manifestSchema } from "../../../lib/manifest.ts";
import { comparable } from "../../support/comparable-manifest.ts";
import { aDeployedStack, type DeployedStack } from "../../support/deployed-stack.ts";
import { manifestAtADesk } from "../../support/desk-run.ts";
import { whyNoMounts } from "../../support/mount-namespace.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { assertRestorable, type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import { temporaryFolder } from "../../support/stores.ts";

const REPOSITORIES = ["one.git", "two.git", "three.git"];
const SHARE = "/mnt/team/backups";
const noMounts = (await whyNoMounts()) ?? false;

/*
 * The emulator takes a function's file system and mounts nothing. So it runs where one is mounted for it, which its functions
 * see as those on AWS see Amazon EFS: another device than the root's, right below /mnt. That AWS mounts it, and by which
 * rights, is not shown here.
 */
describe("snapshots on a file system of deployed functions", { skip: noMinistack || noMounts }, () => {
  let stack: DeployedStack;
  let served: ServedRepositories;

  before(async () => {
    served = await servedRepositories(REPOSITORIES);
    stack = await aDeployedStack(configuration(`type: nfs, base_path: ${SHARE}`), {
      params: {
        efs: "/mnt/team=fs-0123456789abcdef0/fsap-0fedcba9876543210",
        subnets: "subnet-0123456789abcdef0",
        securityGroups: "sg-0123456789abcdef0",
      },
      mounts: "mount -t tmpfs tmpfs /mnt && mkdir /mnt/team",
    });
  });
  after(async () => {
    for (const one of [stack, served]) await one?.[Symbol.asyncDispose]();
  });

  test("a run stores what a desk does, each unit by an execution of its own, and of the bucket it needs a copy of its plan alone", async () => {
    const ended = await stack.execute("repositories");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { snapshot, verified, proved } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([verified, proved], [true, REPOSITORIES.length], ended.output);
    const { total, succeeded } = await stack.childrenOf(ended);
    assert.deepEqual([total, succeeded], [REPOSITORIES.length, REPOSITORIES.length]);
    const plan = `repositories/${folders(snapshot)}/.run/plan.jsonl`;
    assert.deepEqual(await stack.keysBelow(""), [`.core-backup-plans/${plan}`]);
    await using desk = await temporaryFolder();
    const ofDesk = await manifestAtADesk("repositories", configuration(`type: filesystem, base_path: ${desk.path}`));
    assert.deepEqual(comparable(await manifestIn(onShare(snapshot))), comparable(ofDesk));
  });

  test("the next run takes over what is unchanged and can be restored; the retention removes the one before", async () => {
    const ended = await stack.execute("repositories");
    const { snapshot, totals, removed } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([totals?.unchanged, removed], [REPOSITORIES.length, 1], ended.output ?? ended.cause);
    await using copy = await temporaryFolder();
    await cp(onShare(snapshot), copy.path, { recursive: true });
    assertRestorable(copy.path, await manifestIn(copy.path), served);
  });

  /** The folder of a snapshot, as the emulator and its functions see it. */
  const onShare = (snapshot: string): string => join(stack.cloud.root(), SHARE, "repositories", folders(snapshot));

  const configuration = (share: string): string => `jobs:
  - { name: repositories, service: git, retention: { keep_last: 1 }, options: { repositories: ${served.listed(REPOSITORIES)} } }
storage:
  share: { ${share} }
`;
});

const manifestIn = async (folder: string) =>
  manifestSchema.parse(JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")));

/** `2026-11-22T030000Z` as it stands in a path. */
const folders = (snapshot: string): string => snapshot.replace("T", "/");

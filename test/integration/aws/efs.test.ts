import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DescribeMapRunCommand, ListMapRunsCommand } from "@aws-sdk/client-sfn";
import { aDeployedStack, type DeployedStack } from "../../support/deployed-stack.ts";
import { aRepository } from "../../support/git-repository.ts";
import { type GitServer, startGitServer } from "../../support/git-server.ts";
import { whyNoMounts } from "../../support/mount-namespace.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { temporaryFolder } from "../../support/stores.ts";

const REPOSITORIES = ["one.git", "two.git", "three.git"];
const noMounts = (await whyNoMounts()) ?? false;

/*
 * The emulator takes a function's file system and mounts nothing. So it runs where one is mounted for it, which its functions
 * see as those on AWS see Amazon EFS: another device than the root's, right below /mnt. That AWS mounts it, and by which
 * rights, is not shown here.
 */
describe("snapshots on a file system of deployed functions", { skip: noMinistack || noMounts }, () => {
  let stack: DeployedStack;
  let git: GitServer;
  let folder: AsyncDisposable & { readonly path: string };

  before(async () => {
    folder = await temporaryFolder();
    for (const name of REPOSITORIES) await aRepository(folder.path, { name });
    git = await startGitServer(folder.path);
    stack = await aDeployedStack(configuration("/mnt/team/backups"), {
      params: {
        efs: "/mnt/team=fs-0123456789abcdef0/fsap-0fedcba9876543210",
        subnets: "subnet-0123456789abcdef0",
        securityGroups: "sg-0123456789abcdef0",
      },
      mounts: "mount -t tmpfs tmpfs /mnt && mkdir /mnt/team",
    });
  });
  after(async () => {
    for (const one of [stack, git, folder]) await one?.[Symbol.asyncDispose]();
  });

  test("a run stores and proves each unit in an execution of its own, and of the bucket it needs a copy of its plan alone", async () => {
    const ended = await stack.execute("repositories");
    assert.equal(ended.status, "SUCCEEDED", ended.cause);
    const { snapshot, verified, proved } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([verified, proved], [true, REPOSITORIES.length], ended.output);
    const { mapRuns = [] } = await stack.sfn.send(new ListMapRunsCommand({ executionArn: ended.executionArn }));
    const { itemCounts } = await stack.sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns[0]?.mapRunArn }));
    assert.deepEqual([itemCounts?.total, itemCounts?.succeeded], [REPOSITORIES.length, REPOSITORIES.length]);
    const plan = `repositories/${snapshot.replace("T", "/")}/.run/plan.jsonl`;
    assert.deepEqual(await stack.keysBelow(""), [`.core-backup-plans/${plan}`]);
  });

  test("the next run takes over what is unchanged, and the retention removes the one before", async () => {
    const ended = await stack.execute("repositories");
    const { totals, removed } = JSON.parse(ended.output ?? "{}");
    assert.deepEqual([totals?.unchanged, removed], [REPOSITORIES.length, 1], ended.output ?? ended.cause);
  });

  function configuration(base: string): string {
    const urls = REPOSITORIES.map((name) => `${git.url}/${name}`).join(", ");
    return `jobs:
  - { name: repositories, service: git, retention: { keep_last: 1 }, options: { repositories: [${urls}] } }
storage:
  share: { type: nfs, base_path: ${base} }
`;
  }
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { efsMounts, efsVolumes } from "../../../infra/efs.ts";
import { filesystemFaults, mountsOf } from "../../../infra/on-efs.ts";

const TEXT = "/mnt/team=fs-0123456789abcdef0/fsap-0fedcba9876543210, /mnt/web/a=fs-11112222/fsap-33334444";
const MOUNTS = efsMounts(TEXT);
const aFilesJob = (changes: object = {}, paths: unknown = ["/mnt/team/docs", "/mnt/web/a"]) => ({
  ...{ name: "files", service: "filesystem", compute: "fargate", options: { paths } },
  ...changes,
});

describe("--param=efs", () => {
  test("is a path, a file system and its access point, several of them or none", () => {
    assert.deepEqual(MOUNTS, [
      { path: "/mnt/team", fileSystem: "fs-0123456789abcdef0", accessPoint: "fsap-0fedcba9876543210" },
      { path: "/mnt/web/a", fileSystem: "fs-11112222", accessPoint: "fsap-33334444" },
    ]);
    assert.deepEqual(efsMounts(""), []);
  });

  for (const text of [
    "/srv=fs-11112222/fsap-33334444",
    "/mnt/a=fs-11112222",
    "/mnt/../b=fs-11112222/fsap-33334444",
    "fs-11112222",
  ])
    test(`${text} is refused with how it is written`, () =>
      assert.throws(() => efsMounts(text), {
        message: `--param=efs=${text}: must be /mnt/NAME=fs-…/fsap-…, several separated by commas`,
      }));

  test("two that lie in each other are refused", () => {
    const of = (path: string) => `${path}=fs-11112222/fsap-33334444`;
    assert.throws(() => efsMounts(`${of("/mnt/a/b")},${of("/mnt/a")}`), /\/mnt\/a\/b and \/mnt\/a lie in each other/);
    assert.equal(efsMounts(`${of("/mnt/a")},${of("/mnt/ab")}`).length, 2);
  });

  test("a task has volumes to read, encrypted on the way, by the access point and its own role", () => {
    const { volumes, mountPoints } = efsVolumes(MOUNTS.slice(0, 1));
    assert.deepEqual(volumes, [
      {
        Name: "efs0",
        EFSVolumeConfiguration: {
          FilesystemId: "fs-0123456789abcdef0",
          TransitEncryption: "ENABLED",
          AuthorizationConfig: { AccessPointId: "fsap-0fedcba9876543210", IAM: "ENABLED" },
        },
      },
    ]);
    assert.deepEqual(mountPoints, [{ SourceVolume: "efs0", ContainerPath: "/mnt/team", ReadOnly: true }]);
  });
});

describe("files on AWS", () => {
  const faults = (job: ReturnType<typeof aFilesJob>, mounts = MOUNTS) =>
    filesystemFaults(job, ["jobs", 0], mounts).map(({ path, message }) => `${path.join(".")}: ${message}`);

  test("a job whose paths lie on what is mounted, and that is for tasks, can be deployed", () => {
    assert.deepEqual(faults(aFilesJob()), []);
    assert.deepEqual(faults(aFilesJob({}, "/mnt/team/./docs/")), []);
    assert.deepEqual(faults(aFilesJob({ service: "git" }, "/srv")), []);
  });

  for (const [what, job, said] of [
    ["without a task", aFilesJob({ compute: "auto" }), /^jobs\.0\.compute: is read by tasks on AWS.*compute: fargate$/],
    ["that says nothing of tasks", aFilesJob({ compute: undefined }), /^jobs\.0\.service: is read by tasks/],
    [
      "elsewhere",
      aFilesJob({}, ["/mnt/team", "/srv"]),
      /^jobs\.0\.options\.paths\.1: lies on no file system that --param=efs mounts \(\/mnt\/team, \/mnt\/web\/a\)$/,
    ],
    ["that leaves its mount", aFilesJob({}, "/mnt/team/../../etc"), /^jobs\.0\.options\.paths: lies on no file system/],
    ["beside its mount", aFilesJob({}, "/mnt/teams"), /^jobs\.0\.options\.paths: lies on no file system/],
    ["with a pattern", aFilesJob({}, "/mnt/team/*"), /^jobs\.0\.options\.paths: cannot be a pattern on AWS/],
  ] as const)
    test(`one ${what} is refused at its place`, () => {
      const [fault, ...others] = faults(job);
      assert.match(fault ?? "", said);
      assert.deepEqual(others, []);
    });

  test("without a mount it says how to have one", () => {
    assert.match(faults(aFilesJob(), []).join(), /^jobs\.0\.service: has nothing to read on AWS.*--param=efs=/);
  });

  test("a job's task has the mounts that its paths lie on, and no other job's", () => {
    const document = {
      jobs: [aFilesJob({}, "/mnt/web/a/b"), { name: "app", service: "git", options: { paths: "/mnt/team" } }],
    };
    assert.deepEqual(mountsOf(document, "files", MOUNTS), MOUNTS.slice(1));
    assert.deepEqual(mountsOf(document, "app", MOUNTS), []);
  });
});

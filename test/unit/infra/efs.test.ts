import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { efsMounts, efsVolumes } from "../../../infra/efs.ts";
import { filesystemFaults, mountsOf, nfsFaults, storageMount, usedMounts } from "../../../infra/on-efs.ts";
import type { Config } from "../../../lib/config/schema.ts";

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
    const [mount] = MOUNTS;
    assert.ok(mount);
    const { volumes, mountPoints } = efsVolumes([{ ...mount, writes: false }]);
    assert.equal(
      JSON.stringify(efsVolumes([{ ...mount, writes: true }]).mountPoints).includes('"ReadOnly":false'),
      true,
    );
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

describe("snapshots on AWS in a folder", () => {
  const nfs = (base_path: string) => ({ type: "nfs", base_path });
  const faults = (storages: Record<string, unknown>, mounts = MOUNTS) =>
    nfsFaults(storages, new Set(Object.keys(storages)), mounts).map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    );

  test("can be deployed where the folder lies on what is mounted right below /mnt", () => {
    assert.deepEqual(faults({ share: nfs("/mnt/team/backups"), again: nfs("/mnt/team/./more/") }), []);
    assert.deepEqual(faults({ s3: { type: "s3", bucket: "a" } }, []), []);
  });

  for (const [what, storages, mounts, said] of [
    [
      "on nothing that is mounted",
      { share: nfs("/backups") },
      MOUNTS,
      /lies on no file system that --param=efs mounts/,
    ],
    [
      "without any mount",
      { share: nfs("/mnt/team") },
      [],
      /^storage\.share\.base_path: is a folder that functions do not have: mount .*--param=efs=/,
    ],
    [
      "deep below /mnt",
      { share: nfs("/mnt/web/a/b") },
      MOUNTS,
      /lies on \/mnt\/web\/a, and functions mount file systems right below \/mnt/,
    ],
    [
      "on two file systems",
      { one: nfs("/mnt/team/a"), two: nfs("/mnt/b") },
      efsMounts(`${TEXT},/mnt/b=fs-11112222/fsap-33334445`),
      /^storage\.two\.base_path: lies on \/mnt\/b, and storage one on \/mnt\/team: a function mounts one file system/,
    ],
  ] as const)
    test(`${what} is refused at its place`, () => {
      const [fault, ...others] = faults(storages, mounts);
      assert.match(fault ?? "", said);
      assert.deepEqual(others, []);
    });

  test("a job's task writes to the file system of its snapshots, and reads that of its files", () => {
    const job = { ...aFilesJob({}, "/mnt/web/a/b"), target_storage: "share" };
    const own = { jobs: [job], storage: { share: nfs("/mnt/team/backups") } } as unknown as Config;
    const [team, web] = MOUNTS;
    assert.deepEqual(storageMount(own, MOUNTS), { ...team, writes: true });
    assert.deepEqual(usedMounts(own, { jobs: [job] }, MOUNTS), [
      { ...team, writes: true },
      { ...web, writes: false },
    ]);
    const files = { ...job, options: { paths: ["/mnt/team/docs"] } };
    assert.deepEqual(usedMounts({ ...own, jobs: [files] } as unknown as Config, { jobs: [files] }, MOUNTS), [
      { ...team, writes: true },
    ]);
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { taskConfig } from "../../../infra/task-config.ts";
import { hasTasks, taskOptions } from "../../../infra/task-options.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const USUAL: Record<string, string | number> = {
  functionsInSubnets: "off",
  image: "registry.example.com/core-backup:1",
  taskCpu: 1024,
  taskMemory: 4096,
  taskDisk: 20,
  taskArchitecture: "X86_64",
  subnets: "",
  securityGroups: "",
  assignPublicIp: "",
  logRetentionDays: 30,
};

function optionsOf(changes: Record<string, string | number> = {}, job = aJob()) {
  const params: Record<string, string | number> = { ...USUAL, ...changes };
  const resolving = { resolveVariable: async (name: string) => params[name.replace("param:", "")] };
  return taskOptions(resolving, aBackup({ jobs: [job] }).backup.config, "core-backup-test");
}

describe("the parameters of tasks", () => {
  for (const [name, value, said] of [
    ["taskCpu", 1000, "--param=taskCpu=1000: must be one of 256, 512, 1024"],
    ["taskMemory", 1024, "--param=taskMemory=1024: must be 2048 to 8192 in steps of 1024, with taskCpu=1024"],
    ["taskMemory", 4100, "--param=taskMemory=4100: must be 2048 to 8192"],
    ["taskDisk", 500, "--param=taskDisk=500: must be 20 to 200 (GiB)"],
    ["taskArchitecture", "x86", "--param=taskArchitecture=x86: must be X86_64 or ARM64"],
    ["assignPublicIp", "yes", "--param=assignPublicIp=yes: must be on or off"],
  ] as const) {
    test(`${name}=${value} is refused with what it must be`, async () => {
      await assert.rejects(optionsOf({ [name]: value }), ({ message }: Error) => message.includes(said));
    });
  }

  test("file systems need the network that they can be reached in", async () => {
    const efs = "/mnt/a=fs-11112222/fsap-33334444";
    await assert.rejects(optionsOf({ efs }), /--param=efs needs subnets and securityGroups/);
    await assert.rejects(optionsOf({ efs, subnets: "subnet-a" }), /--param=efs needs subnets and securityGroups/);
    assert.equal((await optionsOf({ efs, subnets: "subnet-a", securityGroups: "sg-a" }))?.assignPublicIp, "DISABLED");
  });

  test("functions are put into subnets that are given, or it is said that there are none", async () => {
    await assert.rejects(
      optionsOf({ functionsInSubnets: "on", subnets: "subnet-a" }),
      /--param=functionsInSubnets=on needs subnets and securityGroups/,
    );
    await assert.rejects(optionsOf({ functionsInSubnets: "yes" }), /--param=functionsInSubnets=yes: must be on or off/);
  });

  test("an image that deploying builds is another one for another architecture, and the same for the same files", async () => {
    const uriOf = async (taskArchitecture: string) =>
      JSON.stringify((await optionsOf({ image: "build", taskArchitecture }))?.image.uri);
    assert.equal(await uriOf("ARM64"), await uriOf("ARM64"));
    assert.notEqual(await uriOf("ARM64"), await uriOf("X86_64"));
  });

  test("an image in Amazon ECR is one that tasks need a right to, another one is not", async () => {
    assert.equal((await optionsOf())?.image.repositoryArn, undefined);
    const image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ops/core-backup@sha256:0";
    assert.match(
      JSON.stringify((await optionsOf({ image }))?.image.repositoryArn),
      /ecr:eu-central-1:123456789012:repository\/ops\/core-backup"/,
    );
  });

  test("a job has tasks when it wants nothing else, or leaves it open and there is an image", async () => {
    assert.deepEqual(
      (["lambda", "auto", "fargate"] as const).map((compute) => [
        hasTasks(aJob({ compute }), ""),
        hasTasks(aJob({ compute }), "build"),
      ]),
      [
        [false, false],
        [false, true],
        [true, true],
      ],
    );
    assert.equal(await optionsOf({ image: "" }), undefined);
  });
});

test("a job whose part of the configuration fits into no task definition is refused", () => {
  const repositories = Array.from({ length: 40_000 }, (_, n) => `https://git.example.com/${Math.sqrt(n)}.git`);
  const document = { jobs: [{ name: "docs", options: { repositories } }], storage: { store: {} } };
  assert.throws(
    () => taskConfig(document, aJob()),
    /^Error: job docs: its part of the configuration takes \d+ bytes packed/,
  );
});

test("a task has the proxy and the egress list of the configuration, and may always fetch its credentials", () => {
  const document = {
    jobs: [{ name: "docs" }],
    storage: { store: { type: "s3" } },
    proxy: { url_secret: "proxy", no_proxy: ["inside.example"] },
    egress: { allow: ["proxy.example:3128"] },
  };
  const packed = (one: object) => JSON.parse(gunzipSync(Buffer.from(taskConfig(one, aJob()), "base64")).toString());
  const { proxy, egress } = packed(document);
  assert.deepEqual(proxy, document.proxy);
  assert.deepEqual(egress, { allow: ["proxy.example:3128", "169.254.170.2:80"] });
  const { proxy: _, egress: __, ...neither } = document;
  assert.deepEqual(Object.keys(packed(neither)), ["jobs", "storage"]);
});

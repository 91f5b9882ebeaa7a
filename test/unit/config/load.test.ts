import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { faultLine } from "../../../lib/config/faults.ts";
import { loadConfig } from "../../../lib/config/load.ts";
import type { Config } from "../../../lib/config/schema.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { wrongConfigurations } from "./wrong-configurations.ts";

const ENV = {
  SET: "value",
  EMPTY: "",
  GIT_TOKEN: "value",
  GITHUB_APP_KEY: "value",
  MONGO_URI: "mongodb://db",
  SERVICE_TOKEN: "value",
  S3_BUCKET: "value",
  OFFICE_KEY_ID: "value",
  OFFICE_SECRET_KEY: "value",
};
const EXAMPLES = new URL("../../../config/examples/", import.meta.url);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "core-backup-config-"));
  await writeFile(join(folder, "secret"), "value\n");
  await writeFile(join(folder, "empty-secret"), "\n");
});
after(() => rm(folder, { recursive: true, force: true }));

describe("a wrong configuration is refused with all that is wrong with it", () => {
  for (const { title, text, faults } of wrongConfigurations) {
    test(title, async () => assert.deepEqual(await faultsOf(text), faults));
  }

  test("the table holds no title twice", () => {
    assert.equal(new Set(wrongConfigurations.map(({ title }) => title)).size, wrongConfigurations.length);
  });
});

describe("a file that cannot be read", () => {
  const cases: readonly { title: string; make: (path: string) => Promise<unknown>; fault: string }[] = [
    { title: "is missing", make: async () => {}, fault: "1:1: cannot be read: it does not exist" },
    { title: "is a folder", make: (path) => mkdir(path), fault: "1:1: cannot be read: it is a folder" },
    {
      title: "is longer than any configuration",
      make: (path) => writeFile(path, `# ${"x".repeat(1024 * 1024)}\n`),
      fault: "1:1: is longer than the 1 MiB that a configuration may have",
    },
    {
      title: "is not UTF-8, and the place is told",
      make: (path) => writeFile(path, Buffer.from("jobs: []\nstorage: \xe4\n", "latin1")),
      fault: "2:10: is not UTF-8 text",
    },
    {
      title: "is UTF-16",
      make: (path) => writeFile(path, Buffer.from("\ufeffjobs: []\n", "utf16le")),
      fault: "1:1: is not UTF-8 text",
    },
  ];
  for (const [index, { title, make, fault }] of cases.entries()) {
    test(title, async () => {
      const file = join(folder, `unreadable-${index}.yml`);
      await make(file);
      assert.deepEqual(linesOf(await errorOf(loadConfig(file, { env: ENV })), file), [fault]);
    });
  }

  test("is forbidden", { skip: process.getuid?.() === 0 && "root may read everything" }, async () => {
    const file = join(folder, "forbidden.yml");
    await writeFile(file, "jobs: []\n");
    await chmod(file, 0);
    assert.deepEqual(linesOf(await errorOf(loadConfig(file, { env: ENV })), file), [
      "1:1: cannot be read: this process may not read it",
    ]);
  });
});

describe("what a configuration comes to", () => {
  test("a job without more than it needs has the defaults, and keeps everything", async () => {
    const { jobs, max_jobs } = await configOf(
      "jobs:\n  - { name: a, service: filesystem, options: { paths: docs } }\nstorage:\n  here: { type: filesystem, base_path: b }\n",
    );
    assert.equal(max_jobs, 2);
    assert.deepEqual(jobs, [
      {
        name: "a",
        service: "filesystem",
        timezone: "UTC",
        retention: { min_keep: 1, max_removals: 10 },
        target_storage: "here",
        options: { paths: "docs", exclude: [], one_file_system: false, follow_symlinks: false },
        compression: { type: "zstd", level: 3 },
        concurrency: 4,
        compute: "auto",
        timeoutMs: 6 * 3600 * 1000,
        resumeWithinMs: 12 * 3600 * 1000,
        verify: { checksum: 0.1, prove: true },
        fatal: false,
      },
    ]);
  });

  const retentions: readonly [string, object][] = [
    ["retention_days: 30", { mode: "age", keep_days: 30 }],
    ["retention: { mode: count, keep_last: 10 }", { mode: "count", keep_last: 10 }],
    ["retention: { keep_last: 10 }", { mode: "count", keep_last: 10 }],
    ["retention: { mode: age, keep_days: 30 }", { mode: "age", keep_days: 30 }],
    ["retention: { keep_daily: 7 }", { mode: "hybrid", keep_daily: 7 }],
    ["retention: { mode: count, keep_last: 3, keep_monthly: 12 }", { mode: "count", keep_last: 3, keep_monthly: 12 }],
    ["retention: { keep_last: 3, keep_days: 9 }", { mode: "hybrid", keep_last: 3, keep_days: 9 }],
    [
      "retention_days: 9\nretention: { keep_last: 3, min_keep: 2 }",
      { mode: "hybrid", keep_last: 3, keep_days: 9, min_keep: 2 },
    ],
  ];
  for (const [text, expected] of retentions) {
    test(`${text.replaceAll("\n", ", ")} has mode ${"mode" in expected ? expected.mode : ""}`, async () => {
      const [job] = (await configOf(withJob(text))).jobs;
      assert.deepEqual(job?.retention, { min_keep: 1, max_removals: 10, ...expected });
    });
  }

  const values: readonly [string, object][] = [
    ["timeout: 30s", { timeoutMs: 30_000 }],
    ["timeout: 15m", { timeoutMs: 900_000 }],
    ["timeout: 1d", { timeoutMs: 86_400_000 }],
    ["timeout: 1w", { timeoutMs: 604_800_000 }],
    ["resume_within: 0", { resumeWithinMs: 0 }],
    ["resume_within: 1d", { resumeWithinMs: 86_400_000 }],
    ["catch_up: false", { catchUpMs: 0 }],
    ["catch_up: 6h\njitter: 10m", { catchUpMs: 21_600_000, jitterMs: 600_000 }],
    ["catch_up: true", { resumeWithinMs: 43_200_000 }],
    ["compression: none", { compression: { type: "none", level: 0 } }],
    ["compression: gzip", { compression: { type: "gzip", level: 6 } }],
    ["compression: { type: zstd }", { compression: { type: "zstd", level: 3 } }],
    ["compression: { type: zstd, level: 19 }", { compression: { type: "zstd", level: 19 } }],
    ["verify: { checksum: 0%, prove: full }", { verify: { checksum: 0, prove: "full" } }],
    ["verify: { checksum: 12.5%, prove: false }", { verify: { checksum: 0.125, prove: false } }],
    ['schedule: "@daily"\ntimezone: US/Eastern', { schedule: "@daily", timezone: "US/Eastern" }],
  ];
  for (const [text, expected] of values) {
    test(text.replaceAll("\n", ", "), async () => {
      const [job] = (await configOf(withJob(text))).jobs;
      assert.deepEqual({ ...job, ...expected }, job);
    });
  }

  test("the path of a secret file is taken from the configuration's folder, and comes out absolute", async () => {
    const [job] = (await configOf(withRepository("token_file: secret"))).jobs;
    assert.deepEqual(job?.options, {
      repositories: [{ url: "https://git.example.com/a.git", token_file: join(folder, "secret") }],
    });
  });

  test("a byte order mark, Windows' line ends and an alias are no faults", async () => {
    const text =
      "\ufeffjobs:\r\n  - name: &name docs\r\n    service: filesystem\r\n    options: { paths: *name }\r\nstorage: { here: { type: nfs, base_path: b } }\r\n";
    const { jobs, storage } = await configOf(text);
    assert.equal(jobs[0]?.name, "docs");
    assert.deepEqual(storage, { here: { type: "nfs", base_path: "b", require_mount: true } });
  });

  test("names that every object has are names like others", async () => {
    const text =
      "jobs:\n  - { name: constructor, service: filesystem, target_storage: __proto__, options: { paths: docs } }\nstorage:\n  __proto__: { type: filesystem, base_path: b }\n";
    const { jobs, storage } = await configOf(text);
    assert.equal(jobs[0]?.target_storage, "__proto__");
    assert.deepEqual(Object.keys(storage), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(storage), Object.prototype);
  });
});

describe("without sources", () => {
  test("variables and files of the sources may be missing", async () => {
    const text = withRepository("token_env: NOT_SET");
    const file = await written(text);
    assert.equal((await loadConfig(file, { env: {}, sources: false })).jobs.length, 1);
    assert.deepEqual(linesOf(await errorOf(loadConfig(file, { env: {} })), file), [
      "7:22: jobs[0].options.repositories[0].token_env: the environment variable NOT_SET is not set",
    ]);
  });

  test("everything else is still refused", async () => {
    const file = await written(withRepository("token_env: NOT_SET\ntoken_vault: x\nnam: y"));
    assert.deepEqual(linesOf(await errorOf(loadConfig(file, { env: {}, sources: false })), file), [
      "8:11: jobs[0].options.repositories[0].token_vault: is given as token_env already: leave one out",
      "8:24: jobs[0].options.repositories[0].token_vault: must have the form mount/path#field",
      "9:11: jobs[0].options.repositories[0].nam: unknown key (did you mean name?)",
    ]);
  });
});

test("every example is valid", async () => {
  const names = (await readdir(EXAMPLES)).filter((name) => name.endsWith(".yml"));
  assert.ok(names.length >= 4);
  for (const name of names) {
    const example = new URL(name, EXAMPLES);
    const variables = (await readFile(example, "utf8")).matchAll(/_env: ([A-Z_]+)/g);
    const env = { ...ENV, ...Object.fromEntries([...variables].map(([, variable]) => [variable, "set"])) };
    const { jobs } = await loadConfig(example.pathname, { env });
    assert.ok(jobs.length > 0, name);
  }
});

test("the quickstart needs no variable", async () => {
  const { jobs, storage } = await loadConfig(new URL("quickstart.yml", EXAMPLES).pathname, { env: {} });
  assert.deepEqual(
    jobs.map(({ service }) => service),
    ["git", "filesystem"],
  );
  assert.deepEqual(storage, { local: { type: "filesystem", base_path: "./backups" } });
});

const withJob = (keys: string) =>
  `jobs:\n  - name: a\n    service: filesystem\n    options: { paths: docs }\n${keys.replace(/^/gm, "    ")}\nstorage:\n  local: { type: filesystem, base_path: b }\n`;

const withRepository = (keys: string) =>
  `jobs:\n  - name: a\n    service: git\n    options:\n      repositories:\n        - url: https://git.example.com/a.git\n${keys.replace(/^/gm, "          ")}\nstorage:\n  local: { type: filesystem, base_path: b }\n`;

let count = 0;
async function written(text: string): Promise<string> {
  const file = join(folder, `config-${count++}.yml`);
  await writeFile(file, text);
  return file;
}

async function configOf(text: string): Promise<Config> {
  return loadConfig(await written(text), { env: ENV });
}

async function faultsOf(text: string): Promise<readonly string[]> {
  const file = await written(text);
  return linesOf(await errorOf(loadConfig(file, { env: ENV })), file);
}

/** The fault lines without what differs from run to run. */
function linesOf(error: unknown, file: string): readonly string[] {
  assert.ok(error instanceof ConfigError, String(error));
  for (const fault of error.faults) assert.equal(fault.file, file);
  return error.faults.map((fault) =>
    faultLine(fault)
      .slice(file.length + 1)
      .replaceAll(folder, "FOLDER"),
  );
}

async function errorOf(loading: Promise<unknown>): Promise<unknown> {
  return loading.then(
    (config) => assert.fail(`accepted: ${JSON.stringify(config)}`),
    (error: unknown) => error,
  );
}

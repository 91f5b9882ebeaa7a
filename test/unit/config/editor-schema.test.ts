import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { parse } from "yaml";
import * as z from "zod";
import { editorSchema } from "../../../lib/config/editor-schema.ts";

const FILE = new URL("../../../config/core-backup.schema.json", import.meta.url);
const EXAMPLES = new URL("../../../config/examples/", import.meta.url);

test("config/core-backup.schema.json is what the code says (UPDATE_GOLDEN=1 rewrites it)", async () => {
  const text = `${JSON.stringify(editorSchema(), null, 2)}\n`;
  if (process.env.UPDATE_GOLDEN === "1") await writeFile(FILE, text);
  assert.equal(await readFile(FILE, "utf8"), text);
});

describe("as an editor sees it", async () => {
  const schema = z.fromJSONSchema(JSON.parse(await readFile(FILE, "utf8")));
  const examples = (await readdir(EXAMPLES)).filter((name) => name.endsWith(".yml"));

  for (const name of examples) {
    test(`${name} is valid and names the schema`, async () => {
      const text = await readFile(new URL(name, EXAMPLES), "utf8");
      assert.match(text, /^# yaml-language-server: \$schema=\.\.\/core-backup\.schema\.json\n/);
      assert.deepEqual(schema.safeParse(parse(text)).error?.issues ?? [], []);
    });
  }

  const storage = { local: { type: "filesystem", base_path: "b" } };
  const job = { name: "a", service: "filesystem", options: { paths: "docs" } };
  const wrong: readonly [string, unknown][] = [
    ["an unknown key", { jobs: [job], storage, job: 1 }],
    ["an unknown key of a job", { jobs: [{ ...job, schedul: "@daily" }], storage }],
    ["an unknown service", { jobs: [{ ...job, service: "s3" }], storage }],
    ["options of another service", { jobs: [{ ...job, options: { repositories: ["."] } }], storage }],
    [
      "a literal token",
      { jobs: [{ ...job, service: "git", options: { repositories: [{ url: ".", token: "x" }] } }], storage },
    ],
    ["an unknown storage type", { jobs: [job], storage: { local: { type: "tape", base_path: "b" } } }],
    ["a negative count", { jobs: [{ ...job, retention: { keep_last: -1 } }], storage }],
    ["no storage", { jobs: [job] }],
  ];
  for (const [title, value] of wrong)
    test(`${title} is marked`, () => assert.equal(schema.safeParse(value).success, false));
});

test("every key has a description", () => {
  const bare: string[] = [];
  const look = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key === "properties" && typeof child === "object" && child !== null) {
        for (const [name, property] of Object.entries(child)) {
          const isTag = typeof property === "object" && property !== null && "const" in property;
          if (!isTag && !("description" in Object(property))) bare.push(`${path}.${name}`);
        }
      }
      look(child, key === "properties" || key === "anyOf" ? path : `${path}.${key}`);
    }
  };
  look(editorSchema(), "");
  assert.deepEqual(bare, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, readersOf } from "../../../infra/readers.ts";
import type { Config } from "../../../lib/config/schema.ts";

const job = (name: string, service: string, options: object = {}, target_storage = "s3") => ({
  ...{ name, service, options, target_storage },
});
const aConfig = (jobs: readonly object[]) =>
  ({
    jobs,
    storage: { s3: { type: "s3", bucket: "a" }, other: { type: "s3", bucket: "b", access_key_secret: "backups/keys" } },
    notifications: { slack: { type: "slack", webhook_secret: "slack" } },
  }) as unknown as Config;
const grouped = (config: Config) => readersOf(config).map(({ id, jobs }) => [id, jobs.map(({ name }) => name)]);

test("jobs of one service without secrets share their readers, under the name of the service", () => {
  assert.deepEqual(grouped(aConfig([job("a", "git"), job("b", "mongodb"), job("c", "git")])), [
    ["git", ["a", "c"]],
    ["mongodb", ["b"]],
  ]);
});

test("jobs share readers where they read the same secrets, and never where one has a secret that the other has not", () => {
  const token = (name: string) => ({ token_secret: name });
  const config = aConfig([
    job("a", "github", token("one")),
    job("b", "github", token("two")),
    job("c", "github", token("one#field")),
    job("d", "github", { ...token("one"), key_ssm: "/key" }),
    job("e", "github"),
    job("f", "github", {}, "other"),
  ]);
  assert.deepEqual(
    readersOf(config).map(({ jobs }) => jobs.map(({ name }) => name)),
    [["a", "c"], ["b"], ["d"], ["e"], ["f"]],
  );
  const ids = readersOf(config).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^github(-[0-9a-f]{8})?$/);
});

test("what some jobs need of a configuration has neither other jobs nor their storages", () => {
  const config = aConfig([job("a", "git"), job("b", "git", {}, "other")]);
  const { jobs, storage } = configOf(config, config.jobs.slice(1));
  assert.deepEqual([jobs.map(({ name }) => name), Object.keys(storage)], [["b"], ["other"]]);
});

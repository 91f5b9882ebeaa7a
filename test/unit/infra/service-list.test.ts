import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { serviceList } from "../../../infra/service-list.ts";
import { connectors } from "../../../lib/connectors/all.ts";

const SOURCE = readFileSync(join(import.meta.dirname, "../../../lib/connectors/all.ts"), "utf8");

test("the one service that a function reads has its import and its entry, and nothing else is imported", () => {
  for (const service of Object.keys(connectors)) {
    const list = serviceList(SOURCE, [service], service);
    assert.equal(list.match(/^import .* from "\.\//gm)?.length, 1, service);
    assert.match(list, new RegExp(`export const connectors = \\{\n {2}"${service}": (?!opaque)\\w+,\n\\};`));
  }
});

test("all other services are known by name, and none of them can be used", () => {
  assert.ok(!/from "\.\//.test(serviceList(SOURCE, ["git", "github"], undefined)));
  const list = serviceList(SOURCE, ["git", "github"], "git");
  assert.match(list, /"github": opaque,\n {2}"git": \w+,/);
  assert.ok(!list.includes("./github/"));
});

test("a service that the list does not have, and a list of another form, are refused", () => {
  assert.throws(() => serviceList(SOURCE, ["gitt"], "gitt"), /has no service gitt/);
  assert.throws(() => serviceList("export const connectors = load();", [], undefined), /another form/);
});

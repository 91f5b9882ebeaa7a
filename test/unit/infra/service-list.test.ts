import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { serviceList } from "../../../infra/service-list.ts";
import { connectors } from "../../../lib/connectors/all.ts";

const SOURCE = readFileSync(join(import.meta.dirname, "../../../lib/connectors/all.ts"), "utf8");

test("of each service there is, the list for functions holds the import and the entry and nothing else", () => {
  for (const service of Object.keys(connectors)) {
    const list = serviceList(SOURCE, [service], { opaque: false });
    assert.equal(list.match(/^import /gm)?.length, 1, service);
    assert.match(list, new RegExp(`export const connectors = \\{ "${service}": \\w+ \\};`));
  }
});

test("without connectors the services are known by name, and none can be used", () => {
  const list = serviceList(SOURCE, ["git", "github"], { opaque: true });
  assert.ok(!/from "\.\//.test(list));
  assert.match(list, /\["git","github"\]/);
});

test("a service that the list does not have, and a list of another form, are refused", () => {
  assert.throws(() => serviceList(SOURCE, ["gitt"], { opaque: false }), /has no service gitt/);
  assert.throws(() => serviceList("export const connectors = load();", [], { opaque: false }), /another form/);
});

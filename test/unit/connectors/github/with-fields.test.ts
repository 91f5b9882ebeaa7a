import assert from "node:assert/strict";
import { test } from "node:test";
import { withFields } from "../../../../lib/connectors/github/with-fields.ts";

/** A list of two items that gives the fields that are asked for, and the title otherwise. */
function aList() {
  const asked: string[] = [];
  const list = async (url: string) => {
    asked.push(url);
    const ids = new URL(url, "https://x").searchParams.get("fields")?.split(",").map(Number) ?? [1];
    return [7, 8].map((id) => ({ id, fields: ids.map((field) => ({ id: field, value: `${id} ${field}` })) }));
  };
  return { asked, list };
}
const fieldsTo = (count: number) => Array.from({ length: count }, (_, n) => ({ id: n + 1 }));

test("all fields of a list's objects are asked for by their ids", async () => {
  const { asked, list } = aList();
  const items = await withFields("/items?per_page=100", fieldsTo(3), list);
  assert.deepEqual(asked, ["/items?per_page=100&fields=1,2,3"]);
  assert.deepEqual(items[1], { id: 8, fields: [1, 2, 3].map((id) => ({ id, value: `8 ${id}` })) });
});

test("more fields than one request may name come by several, and each object has all of them", async () => {
  const { asked, list } = aList();
  const items = await withFields("/items", fieldsTo(60), list);
  assert.equal(asked.length, 2);
  assert.deepEqual(
    items.map(({ id, fields }) => [id, (fields as unknown[]).length]),
    [
      [7, 60],
      [8, 60],
    ],
  );
});

test("a list without fields is asked for as it is", async () => {
  const { asked, list } = aList();
  await withFields("/items", [], list);
  assert.deepEqual(asked, ["/items"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { shorten, textWidth } from "../../../cli/text-width.ts";

test("letters take one cell, wide scripts and emoji two, combining marks none", () => {
  assert.equal(textWidth("docs"), 4);
  assert.equal(textWidth("e\u0301te\u0301"), 3);
  assert.equal(textWidth("文書"), 4);
  assert.equal(textWidth("한글"), 4);
  assert.equal(textWidth("🗄️📦"), 3);
  assert.equal(textWidth("👩‍💻"), 2);
});

test("a name that is too long keeps both ends and never exceeds its cells", () => {
  assert.equal(shorten("my-org/application", 10), "my-or…tion");
  assert.equal(shorten("short", 10), "short");
  assert.equal(shorten("anything", 1), "…");
  assert.equal(shorten("anything", 0), "");
  for (let width = 0; width < 16; width += 1) {
    assert.ok(textWidth(shorten("文書/application-文書", width)) <= width, `at ${width}`);
  }
});

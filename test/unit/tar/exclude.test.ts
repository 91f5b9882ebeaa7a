import assert from "node:assert/strict";
import { test } from "node:test";
import { createExcludes } from "../../../lib/tar/exclude.ts";

const CASES: readonly (readonly [
  patterns: readonly string[],
  path: string,
  isDirectory: boolean,
  excluded: boolean,
])[] = [
  [[], "anything", false, false],
  [["*.log"], "deep/down/a.log", false, true],
  [["*.log"], "a.LOG", false, false],
  [["*.log", "!keep.log"], "keep.log", false, false],
  [["cache/"], "cache", true, true],
  [["cache/"], "cache", false, false],
  [["/top"], "top", false, true],
  [["/top"], "below/top", false, false],
  [["a/**/z"], "a/b/c/z", false, true],
  [["# a comment"], "# a comment", false, false],
  [["\\#name"], "#name", false, true],
  [["..."], "...", true, true],
  [["x"], ".../y", false, false],
  [["*.tmp"], "new\nline.tmp", false, true],
  [["*.tmp"], "back\\slash.tmp", false, true],
];

for (const [patterns, path, isDirectory, excluded] of CASES) {
  test(`${JSON.stringify(patterns)} ${excluded ? "leaves out" : "keeps"} ${JSON.stringify(path)}${isDirectory ? " the folder" : ""}`, () => {
    assert.equal(createExcludes(patterns)(Buffer.from(path), isDirectory), excluded);
  });
}

test("a name that is no UTF-8 is matched by what can be read of it", () => {
  assert.equal(createExcludes(["*.log"])(Buffer.from([0xff, 0xfe, 0x2e, 0x6c, 0x6f, 0x67]), false), true);
});

test("the answer stays the same over more paths than are remembered", () => {
  const excludes = createExcludes(["*.log", "!7.log"]);
  for (let index = 0; index < 45_000; index += 1) {
    assert.equal(excludes(Buffer.from(`${index}.log`), false), index !== 7);
  }
});

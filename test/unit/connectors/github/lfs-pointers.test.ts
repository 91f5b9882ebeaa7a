import assert from "node:assert/strict";
import { test } from "node:test";
import { pointerOf } from "../../../../lib/connectors/github/lfs-pointers.ts";

const OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
const text = (version: string) => `version ${version}\noid sha256:${OID}\nsize 12345\n`;
const today = text("https://git-lfs.github.com/spec/v1");

test("LFS pointers of every version that git-lfs reads are seen, also without an end of their last line", () => {
  for (const one of [
    today,
    text("https://hawser.github.com/spec/v1"),
    text("http://git-media.io/v/2"),
    today.trimEnd(),
    `${today}\n`,
    today.replaceAll("\n", "\r\n"),
    today.replace("oid", `ext-0-case sha256:${OID}\noid`),
  ])
    assert.deepEqual(pointerOf(one), { oid: OID, size: 12345 }, JSON.stringify(one));
});

test("what only looks like an LFS pointer is none", () => {
  for (const one of [
    text("https://git-lfs.github.com/spec/v2"),
    text("https://git-lfs.github.com.evil.example/spec/v1"),
    `# a comment\n${today}`,
    `${today}and more\n`,
    today.replace(OID, OID.slice(1)),
    today.replace("12345", "9".repeat(20)),
    "",
  ])
    assert.equal(pointerOf(one), undefined, JSON.stringify(one));
});

import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import { filesystem } from "../../../../lib/connectors/filesystem/filesystem.ts";
import { unitsOf } from "../../../../lib/connectors/filesystem/paths.ts";
import { temporaryFolder } from "../../../support/files-source.ts";

const NAMES = ["a", "b", ".hidden", "A", "lit[eral]", "new\nline", "deep/x/y", "deep/z/y", "deep/.h/y"];

const CASES: readonly (readonly [pattern: string, units: readonly string[]])[] = [
  ["a", ["a"]],
  ["./a/", ["a"]],
  ["absent", ["absent"]],
  ["*", ["A", "a", "b", "deep", "lit[eral]", "new\nline", "toward"]],
  [".*", [".hidden"]],
  ["[ab]", ["a", "b"]],
  ["{a,b}", ["a", "b"]],
  ["lit[eral]", ["lit[eral]"]],
  ["new?line", ["new\nline"]],
  ["*/x", ["deep/x", "toward/x"]],
  ["deep/**/y", ["deep/x/y", "deep/z/y"]],
  ["**/z", ["deep/z"]],
  ["no*thing", ["no*thing"]],
  ["a/*", ["a/*"]],
];

for (const [pattern, units] of CASES) {
  test(`${JSON.stringify(pattern)} is ${JSON.stringify(units)}`, async () => {
    await using base = await makeNames();
    assert.deepEqual(await idsOf([pattern], base.path), units);
  });
}

test("a path that two globs find is one unit", async () => {
  await using base = await makeNames();
  assert.deepEqual(await idsOf(["[ab]", "a*", "b"], base.path), ["a", "b"]);
});

test("an absolute path stays absolute and a relative one relative", async () => {
  await using base = await makeNames();
  const near = relative(process.cwd(), base.path);
  const ids = (await Array.fromAsync(unitsOf([`${base.path}/[a]`, `${near}/b`], signal))).map(({ id }) => id);
  assert.deepEqual(ids, [join(base.path, "a"), join(near, "b")]);
});

test("the same path twice is refused, naming the first, however it is written", () => {
  for (const second of ["docs", "./docs/", "docs//", "x/../docs", join(process.cwd(), "docs")]) {
    const parsed = filesystem.options.safeParse({ paths: ["docs", second] });
    assert.equal(parsed.success, false, second);
    assert.deepEqual(
      parsed.error.issues.map(({ path, message }) => [path, message]),
      [[["paths", 1], "the same path as paths[0], docs"]],
    );
  }
});

test("a path inside another is allowed", () => {
  assert.equal(filesystem.options.safeParse({ paths: ["docs", "docs/inner", "/"] }).success, true);
});

for (const wrong of [
  {},
  { paths: [] },
  { paths: "" },
  { paths: "a\0b" },
  { paths: 1 },
  { paths: "a", exclude: 1 },
  { paths: "a", one_file_system: "yes" },
  { paths: "a", path: "b" },
]) {
  test(`options ${JSON.stringify(wrong)} are refused`, () => {
    assert.equal(filesystem.options.safeParse(wrong).success, false);
  });
}

const { signal } = new AbortController();

/** Ids relative to the folder. */
async function idsOf(patterns: readonly string[], folder: string): Promise<readonly string[]> {
  const units = await Array.fromAsync(
    unitsOf(
      patterns.map((pattern) => `${folder}/${pattern}`),
      signal,
    ),
  );
  return units.map(({ id }) => relative(folder, id));
}

async function makeNames() {
  const base = await temporaryFolder("paths-");
  for (const name of NAMES) {
    await mkdir(join(base.path, name, ".."), { recursive: true });
    await writeFile(join(base.path, name), name);
  }
  await symlink("deep", join(base.path, "toward"));
  return base;
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";

const CHECKOUT = path.join(import.meta.dirname, "../../..");
const CONFIGURATION = [
  ...["scripts", "bin", "package.json", "package-lock.json", "tsconfig.json", "biome.json", "knip.json"],
  ...[".oxlintrc.json", ".dependency-cruiser.cjs", ".gitignore"],
];

/** One fault for each kind of thing that the tools are there to find. Tools that meet an unknown setting tend to pass everything. */
const FAULTY = `import { readFile } from "node:fs/promises";
import { unlisted } from "./entry.ts";

type Colour = "red" | "green";

export async function faulty(colour: Colour): Promise<number> {
  readFile("forgotten");
  [1, 2].forEach(async () => {
    await readFile("misused");
  });
  switch (colour) {
    case "red":
      break;
  }
  const whatever: any = undefined;
  const length: number = "not a number";
  return whatever!.size + length + unlisted;
}
`;

const expected: readonly [check: string, what: string, pattern: RegExp][] = [
  ["types", "a wrong type", /lib\/faulty\.ts\(16,9\): error TS2322/],
  ["style", "an any", /lib\/faulty\.ts:15:19 lint\/suspicious\/noExplicitAny/],
  ["style", "a non-null assertion", /lib\/faulty\.ts:17:10 lint\/style\/noNonNullAssertion/],
  ["style", "what is not formatted", /lib\/unformatted\.ts format/],
  ["lint", "a forgotten await", /no-floating-promises[^\n]*\n[^\n]*lib\/faulty\.ts:7:3/],
  ["lint", "an async function where none is awaited", /no-misused-promises[^\n]*\n[^\n]*lib\/faulty\.ts:8:27/],
  ["lint", "a switch that forgets a case", /switch-exhaustiveness-check[^\n]*\n[^\n]*lib\/faulty\.ts:11:11/],
  [
    "layers",
    "an import against the layers",
    /lib-stands-alone: lib\/faulty\.ts -> cli\/main\.ts|lib-stands-alone: lib\/entry\.ts -> cli\/main\.ts/,
  ],
  ["unused", "a file that nothing imports", /lib\/unused\.ts/],
  ["unused", "an export that nothing imports", /neverImported\s+lib\/entry\.ts/],
  ["unused", "a package that nothing imports", /croner\s+package\.json/],
  ["lock", "a lock that npm ci would refuse", /package-lock\.json lacks node_modules\/@biomejs\/cli-linux-x64/],
];

describe("npm run check", () => {
  let folder: string;
  let output: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "core-backup-check-"));
    for (const name of CONFIGURATION) cpSync(path.join(CHECKOUT, name), path.join(folder, name), { recursive: true });
    symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(folder, "node_modules"));
    for (const name of ["lib", "cli"]) mkdirSync(path.join(folder, name));
    const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text);
    write("lib/faulty.ts", FAULTY);
    write(
      "lib/entry.ts",
      'import { main } from "../cli/main.ts";\n\nexport const unlisted = Number(main);\nexport const neverImported = 1;\n',
    );
    write("lib/unformatted.ts", "export const   spaced = [1,2 ]\n");
    write("lib/unused.ts", "export const unused = 1;\n");
    write(
      "cli/main.ts",
      'import { faulty } from "../lib/faulty.ts";\nimport { spaced } from "../lib/unformatted.ts";\n\nexport const main = [spaced, await faulty("red")];\n',
    );
    const lock = JSON.parse(readFileSync(path.join(folder, "package-lock.json"), "utf8"));
    delete lock.packages["node_modules/@biomejs/cli-linux-x64"];
    write("package-lock.json", JSON.stringify(lock));
    const result = spawnSync(process.execPath, [path.join(folder, "scripts/check.ts")], { encoding: "utf8" });
    assert.equal(result.status, 1);
    output = result.stdout;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [check, what, pattern] of expected) {
    test(`${check} finds ${what}`, () => assert.match(output, pattern));
  }

  test("every check has a planted fault, and says that it failed", () => {
    const verdicts = output.split("\n").filter((line) => /^(ok {4}|FAILED) /.test(line));
    const failed = verdicts.map((line) => /^FAILED (\S+)/.exec(line)?.[1]);
    assert.deepEqual(failed, [...new Set(expected.map(([check]) => check))]);
  });

  test("an unknown check is refused with the names of those there are", () => {
    const result = spawnSync(process.execPath, [path.join(CHECKOUT, "scripts/check.ts"), "layer"], {
      encoding: "utf8",
    });
    assert.equal(result.status, 2);
    assert.match(result.stderr, /no check is called layer; there are types, style, lint, layers, unused, lock/);
  });
});

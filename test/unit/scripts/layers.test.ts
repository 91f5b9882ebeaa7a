import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";

const CHECKOUT = path.join(import.meta.dirname, "../../..");

/** A rule, and files that break it: each path with what it imports. */
const planted: readonly [rule: string, found: string, files: Readonly<Record<string, readonly string[]>>][] = [
  ["lib-stands-alone", "lib/p1.ts -> cli/p1.ts", { "lib/p1.ts": ["../cli/p1.ts"], "cli/p1.ts": ["../lib/errors.ts"] }],
  [
    "functions-stand-alone",
    "functions/p2.ts -> functions/p2-other.ts",
    { "functions/p2.ts": ["./p2-other.ts"], "functions/p2-other.ts": ["../lib/errors.ts"] },
  ],
  ["functions-stand-alone", "functions/p3.ts -> cli/p1.ts", { "functions/p3.ts": ["../cli/p1.ts"] }],
  ["cli-knows-no-functions", "cli/p4.ts -> functions/p3.ts", { "cli/p4.ts": ["../functions/p3.ts"] }],
  [
    "core-knows-protocols-only",
    "lib/p5.ts -> lib/storage/p5.ts",
    { "lib/p5.ts": ["./storage/p5.ts"], "lib/storage/p5.ts": ["../errors.ts"] },
  ],
  ["core-knows-protocols-only", "lib/config/p6.ts -> lib/storage/p5.ts", { "lib/config/p6.ts": ["../storage/p5.ts"] }],
  ["core-knows-protocols-only", "lib/git/p15.ts -> lib/storage/p5.ts", { "lib/git/p15.ts": ["../storage/p5.ts"] }],
  [
    "lists-are-for-open",
    "lib/p7.ts -> lib/notifiers/all.ts",
    { "lib/p7.ts": ["./notifiers/all.ts"], "lib/notifiers/all.ts": ["../errors.ts"] },
  ],
  [
    "connectors-stand-alone",
    "lib/connectors/p8/a.ts -> lib/connectors/p8-other/b.ts",
    { "lib/connectors/p8/a.ts": ["../p8-other/b.ts"], "lib/connectors/p8-other/b.ts": ["../../errors.ts"] },
  ],
  [
    "adapters-stand-alone",
    "lib/connectors/p9/a.ts -> lib/storage/p5.ts",
    { "lib/connectors/p9/a.ts": ["../../storage/p5.ts"] },
  ],
  ["aws-in-named-adapters", "lib/p10.ts -> @aws-sdk/not-installed", { "lib/p10.ts": ["@aws-sdk/not-installed"] }],
  ["programs-in-one-place", "lib/p11.ts -> child_process", { "lib/p11.ts": ["node:child_process"] }],
  [
    "no-cycles",
    "lib/p12-other.ts -> lib/p12.ts -> lib/p12-other.ts",
    { "lib/p12.ts": ["./p12-other.ts"], "lib/p12-other.ts": ["./p12.ts"] },
  ],
  ["no-orphans", "lib/p13.ts", { "lib/p13.ts": [] }],
  ["nothing-unresolved", "lib/p14.ts -> ./p14-absent.ts", { "lib/p14.ts": ["./p14-absent.ts"] }],
];

describe("the layer rules", () => {
  let folder: string;
  let found: readonly string[];

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "core-backup-layers-"));
    for (const name of ["lib", "cli", "infra", "package.json", "tsconfig.json"]) {
      cpSync(path.join(CHECKOUT, name), path.join(folder, name), { recursive: true });
    }
    symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(folder, "node_modules"));
    for (const [, , files] of planted) {
      for (const [file, imports] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        // Type imports count: a type can tie two layers together as well as a value.
        const lines = imports.map(
          (name, n) => `import type * as i${n} from "${name}";\nexport type T${n} = typeof i${n};\n`,
        );
        writeFileSync(path.join(folder, file), lines.join("") || "export const alone = true;\n");
      }
    }
    const { stderr, status } = checkLayers(folder);
    assert.equal(status, 1);
    found = stderr.split("\n");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [rule, line] of planted) {
    test(`${rule} finds ${line}`, () => {
      assert.ok(found.includes(`${rule}: ${line}`), `not among:\n${found.join("\n")}`);
    });
  }

  test("every rule has a planted violation", async () => {
    const { default: rules } = await import(path.join(CHECKOUT, ".dependency-cruiser.cjs"));
    const names: string[] = rules.forbidden.map((rule: { name: string }) => rule.name);
    assert.deepEqual([...new Set(planted.map(([rule]) => rule))].sort(), names.sort());
  });

  test("a cruise that saw no module of lib/ fails", () => {
    const empty = mkdtempSync(path.join(tmpdir(), "core-backup-layers-"));
    try {
      writeFileSync(path.join(empty, "tsconfig.json"), "{}");
      writeFileSync(path.join(empty, "lonely.ts"), "export const lonely = 1;\n");
      const { stderr, status } = checkLayers(empty);
      assert.equal(status, 1);
      assert.match(stderr, /saw no module of lib\//);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});

function checkLayers(folder: string): { stderr: string; status: number | null } {
  return spawnSync(process.execPath, [path.join(CHECKOUT, "scripts/check-layers.ts"), folder], { encoding: "utf8" });
}

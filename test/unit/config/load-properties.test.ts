import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { faultLine, faultWithSource } from "../../../lib/config/faults.ts";
import { loadConfig } from "../../../lib/config/load.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { wrongConfigurations } from "./wrong-configurations.ts";

const EXAMPLE = new URL("../../../config/examples/everything.yml", import.meta.url);
const RUNS = Number(process.env.PROPERTY_RUNS ?? 400);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "core-backup-config-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Loads, and says whether the file was accepted. Anything but a ConfigError with places that exist fails the test. */
async function accepted(text: string | Uint8Array): Promise<boolean> {
  const file = join(folder, "any.yml");
  await writeFile(file, text);
  try {
    await loadConfig(file, { env: {}, sources: false });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.faults.length > 0);
    const lines = Buffer.from(text).toString("utf8").split("\n").length;
    for (const fault of error.faults) {
      assert.ok(fault.line >= 1 && fault.line <= lines + 1 && fault.column >= 1, faultLine(fault));
      assert.ok(fault.message !== "" && !/undefined|\[object/.test(fault.message), faultLine(fault));
      assert.equal(faultLine(fault).includes("\n"), false);
      assert.ok(faultWithSource(fault).split("\n").length <= 3);
    }
    return false;
  }
}

test("any bytes at all are a configuration or a ConfigError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await accepted(bytes);
    }),
    { numRuns: RUNS },
  );
});

test("any mixture of YAML's own words is a configuration or a ConfigError", async () => {
  const words = [
    "jobs",
    "storage",
    "name",
    "options",
    ": ",
    ":\n",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<",
    "!!map ",
    "|\n",
    ">-\n",
    '"',
    "'",
    "# ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "? ",
    "null",
    "1",
    "~",
    "__proto__",
    "\u0000",
    "\u2028",
    "é",
    "😀",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 40 }), async (parts) => {
      await accepted(parts.join(""));
    }),
    { numRuns: RUNS },
  );
});

test("any change to a line of a valid configuration leaves a configuration or a ConfigError", async () => {
  const lines = (await readFile(EXAMPLE, "utf8")).split("\n");
  const change = fc.record({
    line: fc.nat(lines.length - 1),
    column: fc.nat(60),
    removed: fc.nat(8),
    added: fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom("- ", ": ", "  ", "{}", "[]", "-1", "*x", "&x ", "\n", "null"),
    ),
  });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const changed = [...lines];
      for (const { line, column, removed, added } of changes) {
        const text = changed[line] ?? "";
        changed[line] = text.slice(0, column) + added + text.slice(column + removed);
      }
      if (!(await accepted(changed.join("\n")))) refused++;
    }),
    { numRuns: RUNS },
  );
  assert.ok(refused > 0, "no change made the configuration wrong");
});

test("any value in any place of a configuration is accepted or a ConfigError", async () => {
  const place = fc.constantFrom(
    "jobs",
    "storage",
    "secrets",
    "max_jobs",
    "name",
    "service",
    "options",
    "retention",
    "verify",
    "compression",
    "schedule",
    "timezone",
    "timeout",
    "local",
  );
  await fc.assert(
    fc.asyncProperty(place, fc.json({ maxDepth: 3 }), async (key, value) => {
      const own: Record<string, string> = { name: '"a"', service: "git", options: '{ "repositories": ["."] }' };
      const storage = key === "local" ? value : '{ "type": "nfs", "base_path": "b" }';
      const top: Record<string, string> = { storage: `{ "local": ${storage} }` };
      const isTop = ["jobs", "storage", "secrets", "max_jobs"].includes(key);
      if (isTop) top[key] = value;
      else if (key !== "local") own[key] = value;
      const flow = (entries: Record<string, string>) =>
        `{ ${Object.entries(entries)
          .map(([name, text]) => `"${name}": ${text}`)
          .join(", ")} }`;
      await accepted(flow({ jobs: `[${flow(own)}]`, ...top }));
    }),
    { numRuns: RUNS },
  );
});

test("a literal secret is in no fault, whatever it is and whatever else is wrong", async () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9$!?%]{6,20}$/).map((text) => `zq${text}`);
  const rest = fc.constantFrom("", ", nam: x", ", username: [1]", ", refs: {}", ", url: 5");
  const field = fc.constantFrom("token", "tokn", "pasword", "password", "token_env: 'bad name", "password_env: '1");
  await fc.assert(
    fc.asyncProperty(secret, field, rest, async (value, key, more) => {
      const entry = key.includes(": '") ? `${key} ${value}'` : `${key}: '${value}'`;
      const text = `jobs:\n  - name: a\n    service: git\n    options: { repositories: [{ url: "https://git.example.com/a.git", ${entry}${more} }] }\nstorage: { l: { type: nfs, base_path: b } }\n`;
      const file = join(folder, "secret.yml");
      await writeFile(file, text);
      const error: unknown = await loadConfig(file, { env: {} }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof ConfigError);
      const told = [error.message, ...error.faults.flatMap((fault) => [JSON.stringify(fault), faultWithSource(fault)])];
      for (const line of told) assert.equal(line.includes(value), false, line);
    }),
    { numRuns: RUNS },
  );
});

test("deep nesting of every kind is refused, not a crash", async () => {
  for (const text of ["[", "- ", "{a: ", "a:\n ", "? ", "- [", "&a ["]) {
    assert.equal(await accepted(text.repeat(20_000)), false);
    assert.equal(await accepted(`${text.repeat(3_000)}"`), false);
    assert.equal(await accepted(`jobs: ${text.repeat(100)}`), false);
  }
});

test("the table of wrong configurations is as large as it is said to be", () => {
  assert.ok(wrongConfigurations.length >= 60);
});

import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { ConfigError } from "../../../lib/errors.ts";
import { readLocalSecret } from "../../../lib/secrets/local.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "secrets-"));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return path.join(folder, name);
}

const read = (at: string) => readLocalSecret({ from: "file", path: at }, {});

/** Everything that the error tells: message, code, cause. */
async function told(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert(error instanceof ConfigError);
  assert.equal(error.code, "SECRET_MISSING");
  return `${error.message}\n${inspect(error, { depth: 5 })}`;
}

test("a variable's value is taken as it is, newlines included", async () => {
  assert.equal(await readLocalSecret({ from: "env", name: "TOKEN" }, { TOKEN: " a\n" }), " a\n");
});

test("a variable that is not set is named", async () => {
  const error = await told(readLocalSecret({ from: "env", name: "TOKEN" }, {}));
  assert.match(error, /^the environment variable TOKEN is not set$/m);
});

test("a variable that every object has is not set", async () => {
  await told(readLocalSecret({ from: "env", name: "toString" }, {}));
});

test("an empty variable is refused and named", async () => {
  const error = await told(readLocalSecret({ from: "env", name: "TOKEN" }, { TOKEN: "" }));
  assert.match(error, /^the environment variable TOKEN is empty$/m);
});

test("an empty literal is refused", async () => {
  assert.match(await told(readLocalSecret({ from: "literal", value: "" }, {})), /a secret value is empty/);
});

for (const [content, value] of [
  ["abc", "abc"],
  ["abc\n", "abc"],
  ["abc\r\n", "abc"],
  ["abc\n\n", "abc\n"],
  ["\nabc \n", "\nabc "],
  ["line 1\nline 2\n", "line 1\nline 2"],
] as const) {
  test(`a file that holds ${JSON.stringify(content)} is the secret ${JSON.stringify(value)}`, async () => {
    assert.equal(await read(await file("value", content)), value);
  });
}

test("a file is read anew at each call", async () => {
  const at = await file("rotated", "old");
  assert.equal(await read(at), "old");
  await file("rotated", "new");
  assert.equal(await read(at), "new");
});

for (const content of ["", "\n"]) {
  test(`a file that holds ${JSON.stringify(content)} is refused as empty, with its path`, async () => {
    const at = await file("empty", content);
    assert.match(await told(read(at)), new RegExp(`^the secret file ${at} is empty$`, "m"));
  });
}

test("a file that does not exist is named, with the reason", async () => {
  const at = path.join(folder, "absent");
  assert.match(
    await told(read(at)),
    new RegExp(`^the secret file ${at} cannot be read: it does not exist \\(ENOENT\\)$`, "m"),
  );
});

test("a folder is no secret file", async () => {
  assert.match(await told(read(folder)), /cannot be read: it is a folder \(EISDIR\)/);
});

test("a file without the right to read is named, with the reason", {
  skip: process.getuid?.() === 0 && "root may read it",
}, async () => {
  const at = await file("forbidden", "canary-in-file");
  await chmod(at, 0o000);
  const error = await told(read(at));
  assert.match(error, /cannot be read: this process may not read it \(EACCES\)/);
  assert.doesNotMatch(error, /canary/);
});

test("a file that is not text is refused without a word of what it holds", async () => {
  const error = await told(
    read(await file("binary", Buffer.concat([Buffer.from("canary-in-file"), Buffer.of(0xff, 0xfe)]))),
  );
  assert.match(error, /is not UTF-8 text/);
  assert.doesNotMatch(error, /canary/);
});

test("a file longer than any secret is refused, and not read to its end", async () => {
  assert.match(await told(read("/dev/zero")), /is longer than 1048576 bytes/);
});

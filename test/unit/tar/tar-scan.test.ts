import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { TarFormatError } from "../../../lib/tar/tar-header.ts";
import { createTarScanner } from "../../../lib/tar/tar-scan.ts";
import { makePeculiarTree, makePlainTree, temporaryFolder } from "../../support/files-source.ts";

const FORMATS = {
  "pax, sparse 1.0": ["--format=posix", "--sparse"],
  "pax, sparse 0.1": ["--format=posix", "--sparse", "--sparse-version=0.1"],
  "pax, sparse 0.0": ["--format=posix", "--sparse", "--sparse-version=0.0"],
  "pax with global headers": ["--format=posix", "--pax-option=globexthdr.name=g,comment=for all", "--sparse"],
  GNU: ["--format=gnu", "--sparse"],
  ustar: ["--format=ustar"],
  V7: ["--format=v7"],
};

for (const [format, options] of Object.entries(FORMATS)) {
  test(`what real tar wrote as ${format} is understood whole, in chunks and byte by byte`, async () => {
    await using base = await temporaryFolder("tar-scan-");
    const archive = await makeArchive(base.path, options, format !== "ustar" && format !== "V7");
    const expected = listing(archive);
    const whole = scan(archive, archive.length);
    assert.deepEqual(
      whole.map(({ path, size }) => [path, size]),
      expected,
    );
    assert.deepEqual(scan(archive, 1_000), whole);
    assert.deepEqual(scan(archive, 1), whole);
  });

  test(`an archive in ${format} that is cut short is refused, wherever it was cut`, async () => {
    await using base = await temporaryFolder("tar-scan-");
    const archive = await makeArchive(base.path, options, false);
    const end = archive.length - trailingZeros(archive);
    // From 1 024 zeros on it is whole; what is missing then is the filling up of the last record.
    for (const length of [
      0,
      1,
      511,
      512,
      513,
      Math.floor(end / 2),
      end - 1,
      end,
      Math.ceil(end / 512) * 512 + 511,
      Math.ceil(end / 512) * 512 + 512,
    ]) {
      assert.throws(
        () => scan(archive.subarray(0, length), 4_096),
        TarFormatError,
        `cut to ${length} of ${archive.length}`,
      );
    }
    scan(archive.subarray(0, Math.ceil(end / 512) * 512 + 1_024), 4_096);
  });
}

test("content comes with its place, also in a sparse file", async () => {
  await using base = await temporaryFolder("tar-scan-");
  const root = join(base.path, "tree");
  await mkdir(root);
  const content = Buffer.alloc(3_000_000);
  // More stretches than one header of the old format holds, and than one of its extensions.
  for (let offset = 65_536; offset < content.length; offset += 65_536) content.fill("data", offset, offset + 4_096);
  await writeFile(join(root, "sparse"), content);
  for (const options of Object.values(FORMATS).filter((one) => one.includes("--sparse"))) {
    const { status, stdout } = spawnSync("tar", ["-c", ...options, "--hole-detection=raw", "-C", root, "sparse"], {
      maxBuffer: 1e8,
    });
    assert.equal(status, 0);
    for (const size of [stdout.length, 777]) {
      const [entry] = scan(stdout, size);
      assert.equal(entry?.size, content.length);
      assert.equal(entry.sha256, createHash("sha256").update(content).digest("hex"));
    }
  }
});

test("a size beyond what octal digits hold is read from base-256", () => {
  const block = header({ size: 0 });
  block.fill(0, 124, 136);
  block[124] = 0x80;
  block.writeBigUInt64BE(2n ** 40n, 128);
  sum(block);
  const sizes: number[] = [];
  createTarScanner({ entry: ({ size }) => sizes.push(size) }).write(block);
  assert.deepEqual(sizes, [2 ** 40]);
});

const BROKEN: Readonly<Record<string, () => Buffer>> = {
  "a header with a wrong checksum": () => {
    const block = header({ size: 0 });
    block[0] = (block[0] ?? 0) ^ 1;
    return block;
  },
  "a header with letters in a number": () => sum(header({ size: 0 }).fill("x", 124, 130)),
  "a negative size": () => sum(header({ size: 0 }).fill(0xff, 124, 136)),
  "a member of an unknown type": () => header({ size: 0, type: "Q" }),
  "a folder with content": () => header({ size: 5, type: "5" }),
  "an extended header with a length that lies": () =>
    Buffer.concat([header({ size: 12, type: "x" }), padded("99 path=abc\n")]),
  "an extended header that is no text": () =>
    Buffer.concat([header({ size: 12, type: "x" }), padded("\0\0\0\0\0\0\0\0\0\0\0\0")]),
  "an extended header of a gibibyte": () => header({ size: 1024 ** 3, type: "x" }),
  "an extended header and then nothing": () =>
    Buffer.concat([header({ size: 12, type: "x" }), padded("12 path=abc\n"), Buffer.alloc(1_024)]),
  "a single block of zeros between members": () => Buffer.concat([Buffer.alloc(512), header({ size: 0 })]),
  "data after the end": () => Buffer.concat([Buffer.alloc(1_024), header({ size: 0 })]),
  "a sparse map that never ends": () =>
    Buffer.concat([sparseHeader(1_024), header({ size: 1_024 }), Buffer.alloc(1_024, "1\n")]),
  "a sparse map of letters": () =>
    Buffer.concat([sparseHeader(1_024), header({ size: 1_024 }), Buffer.alloc(1_024, "abc\n")]),
};

for (const [what, make] of Object.entries(BROKEN)) {
  test(`${what} is refused`, () => {
    assert.throws(() => scan(make(), 512), TarFormatError);
    assert.throws(() => scan(make(), 1), TarFormatError);
  });
}

test("damage of any kind is either harmless to the structure or a TarFormatError, however it is cut", async () => {
  await using base = await temporaryFolder("tar-scan-");
  const archive = (await makeArchive(base.path, FORMATS["pax, sparse 1.0"], true)).subarray(0, 120 * 512);
  const damage = fc.array(
    fc.record({ at: fc.nat({ max: archive.length - 1 }), to: fc.integer({ min: 0, max: 255 }) }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(damage, fc.integer({ min: 1, max: 2_000 }), fc.boolean(), (changes, size, repair) => {
      const broken = Buffer.from(archive);
      for (const { at, to } of changes) {
        broken[at] = to;
        // With the sum put right the damage is seen by what lies behind it.
        if (repair) sum(broken.subarray(at - (at % 512), at - (at % 512) + 512));
      }
      onlyTyped(() => scan(broken, size));
    }),
    { numRuns: 500 },
  );
});

test("any bytes at all are scanned or refused with a TarFormatError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.integer({ min: 1, max: 700 }), (bytes, size) =>
      onlyTyped(() => scan(Buffer.from(bytes), size)),
    ),
  );
});

function onlyTyped(work: () => void): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof TarFormatError, `${error}`);
  }
}

interface Scanned {
  readonly kind: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string | undefined;
}

/** Feeds `bytes` in pieces of `size`, and puts contents together again, holes as zeros. */
function scan(bytes: Buffer, size: number): readonly Scanned[] {
  const entries: Scanned[] = [];
  let hash = createHash("sha256");
  let last: Omit<Scanned, "sha256"> | undefined;
  let position = 0;
  const fill = (to: number) => {
    if (to > position && to - position < 10_000_000) hash.update(Buffer.alloc(to - position));
    position = to;
  };
  const scanner = createTarScanner({
    entry(entry) {
      last = { kind: entry.kind, path: entry.path.toString("latin1"), size: entry.size };
      hash = createHash("sha256");
      position = 0;
    },
    content(piece, offset) {
      fill(offset);
      hash.update(piece);
      position += piece.byteLength;
    },
    entryEnd() {
      if (last === undefined) return;
      fill(last.size);
      entries.push({ ...last, sha256: last.kind === "file" ? hash.digest("hex") : undefined });
    },
  });
  for (let offset = 0; offset < bytes.length; offset += size) scanner.write(bytes.subarray(offset, offset + size));
  scanner.end();
  return entries;
}

/** Names and sizes as another reader of archives sees them. */
function listing(archive: Buffer): readonly (readonly [string, number])[] {
  const { stdout, status } = spawnSync("python3", ["-c", LIST], { input: archive, maxBuffer: 1e8 });
  assert.equal(status, 0);
  return JSON.parse(String(stdout));
}

const LIST = `
import io, json, sys, tarfile
archive = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), encoding="utf-8", errors="surrogateescape")
names = []
for member in archive:
    name = member.pax_headers.get("GNU.sparse.name") or member.name
    size = member.size if member.isreg() else 0
    path = (name + ("/" if member.isdir() else "")).encode("utf-8", "surrogateescape").decode("latin1")
    names.append([path, size])
print(json.dumps(names))
`;

async function makeArchive(base: string, options: readonly string[], peculiar: boolean): Promise<Buffer> {
  const root = join(base, "tree");
  await mkdir(root);
  if (peculiar) await makePeculiarTree(root);
  else await makePlainTree(root);
  const { stdout, status, stderr } = spawnSync("tar", ["-c", ...options, "-C", root, "."], { maxBuffer: 1e8 });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

function header(given: { size: number; type?: string }): Buffer {
  const block = Buffer.alloc(512);
  block.write("member", 0);
  block.write("0000644\0", 100);
  block.write(`${given.size.toString(8).padStart(11, "0")}\0`, 124);
  block.write(given.type ?? "0", 156);
  block.write("ustar\x0000", 257, "latin1");
  return sum(block);
}

function sparseHeader(realSize: number): Buffer {
  // Each length is of two digits, which it counts with the space and the newline.
  const records = ["GNU.sparse.major=1", "GNU.sparse.minor=0", `GNU.sparse.realsize=${realSize}`].map(
    (text) => `${text.length + 4} ${text}\n`,
  );
  const content = records.join("");
  return Buffer.concat([header({ size: content.length, type: "x" }), padded(content)]);
}

function sum(block: Buffer): Buffer {
  block.fill(" ", 148, 156);
  const total = block.reduce((so, byte) => so + byte, 0);
  block.write(`${total.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function padded(content: string): Buffer {
  const block = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  block.write(content, "latin1");
  return block;
}

function trailingZeros(archive: Buffer): number {
  let count = 0;
  while (archive[archive.length - 1 - count] === 0) count += 1;
  return count;
}

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { type Bytes, bytesOf, readAll } from "../../../lib/bytes.ts";
import { CodedError } from "../../../lib/errors.ts";
import { bundleBytes, bundleHeader, openBundle } from "../../../lib/git/bundle.ts";
import { byteReader } from "../../../lib/git/byte-reader.ts";
import { countObjects } from "../../../lib/git/pack.ts";
import { checkedPack } from "../../../lib/git/pack-check.ts";
import { type Packet, packetOf, packetReader } from "../../../lib/git/pkt-line.ts";
import { type Listing, listingOf } from "../../../lib/git/refs.ts";
import { firstBand } from "../../../lib/git/side-band.ts";
import { oddPieces, pattern, patternBytes } from "../../support/bytes.ts";

const { signal } = new AbortController();
const typed = new Set([
  "SOURCE_PROTOCOL",
  "SOURCE_TRUNCATED",
  "SOURCE_CORRUPT",
  "SOURCE_FAILED",
  "SOURCE_NOT_FOUND",
  "SOURCE_FORBIDDEN",
]);

/** The same bytes in every way that a stream may cut them. */
function* cuts(content: Uint8Array): Generator<Bytes> {
  yield bytesOf(content);
  yield oddPieces(content);
  yield inPieces(content, 1);
  yield inPieces(content, 3);
}

async function* inPieces(content: Uint8Array, size: number): Bytes {
  for (let offset = 0; offset < content.byteLength; offset += size) yield content.subarray(offset, offset + size);
}

/** A pack of whole objects, a delta by offset and one by name, the last two without meaning to these parsers. */
function aPack(objects: readonly Uint8Array[], format: "sha1" | "sha256" = "sha1"): Buffer {
  const header = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  header.writeUInt32BE(objects.length, 8);
  const entries = objects.map((content, index) => entry(content, index, format));
  const body = Buffer.concat([header, ...entries]);
  return Buffer.concat([body, createHash(format).update(body).digest()]);
}

function entry(content: Uint8Array, index: number, format: "sha1" | "sha256"): Buffer {
  const type = [1, 2, 3, 4, 6, 7][index % 6] ?? 3;
  const base = { 6: Buffer.from([0x81, 0x02]), 7: Buffer.alloc(format === "sha1" ? 20 : 32) }[type] ?? Buffer.alloc(0);
  return Buffer.concat([sizeOf(type, content.byteLength), base, deflateSync(content)]);
}

function sizeOf(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

const count = (bytes: Bytes, format: "sha1" | "sha256" = "sha1") => countObjects(byteReader(bytes), format, signal);

async function packets(bytes: Bytes): Promise<readonly Packet[]> {
  const reader = packetReader(byteReader(bytes));
  const all: Packet[] = [];
  for (let packet = await reader.packet(); packet !== undefined; packet = await reader.packet()) all.push(packet);
  return all;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe("packet lines", () => {
  test("are the same however the stream is cut", async () => {
    const content = Buffer.concat([
      packetOf("one\n"),
      Buffer.from("000100020004"),
      packetOf("x".repeat(65_516)),
      Buffer.from("0000"),
    ]);
    for (const bytes of cuts(content)) {
      const read = await packets(bytes);
      assert.deepEqual(
        read.map(({ type }) => type),
        ["data", "delimiter", "response-end", "data", "data", "flush"],
      );
      assert.deepEqual(
        read.map((packet) => (packet.type === "data" ? packet.data.byteLength : 0)),
        [4, 0, 0, 0, 65_516, 0],
      );
    }
    assert.deepEqual(await packets(bytesOf("")), []);
  });

  test("that end inside are truncated, and lengths that are none are refused", async () => {
    for (const text of ["0", "000", "0008ab", "0005"])
      assert.equal(await codeOf(packets(bytesOf(text))), "SOURCE_TRUNCATED");
    for (const text of ["0003", "zzzz", "<htm", "ffff", "fff1", "-001", " 1 2"]) {
      assert.equal(await codeOf(packets(bytesOf(text))), "SOURCE_PROTOCOL");
    }
  });

  test("longer than git's are not written", () => {
    assert.throws(() => packetOf("x".repeat(65_517)), RangeError);
  });

  test("of any bytes give packets or a typed error", async () => {
    const lines = fc.array(
      fc.oneof(
        fc.string().map((text) => Buffer.from(packetOf(text.slice(0, 100)))),
        fc.uint8Array(),
        fc.constant(Buffer.from("0000")),
      ),
    );
    await fc.assert(
      fc.asyncProperty(lines, async (pieces) => {
        const content = Buffer.concat(pieces);
        const whole = await codeOf(packets(bytesOf(content)));
        assert.ok(whole === "none" || typed.has(whole), whole);
        assert.equal(await codeOf(packets(inPieces(content, 1))), whole);
        const banded = await codeOf(readAll(firstBand(packetReader(byteReader(oddPieces(content)))), 1 << 24));
        assert.ok(banded === "none" || typed.has(banded), banded);
      }),
    );
  });
});

describe("the first band", () => {
  const band = (number: number, text: string) => packetOf(String.fromCharCode(number) + text);

  test("is put together, progress left out, up to the flush packet and not beyond", async () => {
    const content = Buffer.concat([
      band(1, "PA"),
      band(2, "50%"),
      band(1, ""),
      band(1, "CK"),
      Buffer.from("0000"),
      Buffer.from("rest"),
    ]);
    for (const bytes of cuts(content)) {
      const reader = byteReader(bytes);
      assert.equal(Buffer.from(await readAll(firstBand(packetReader(reader)), 100)).toString(), "PACK");
      assert.equal(Buffer.from((await reader.read(4)) ?? []).toString(), "rest");
    }
  });

  test("that ends without a flush packet is truncated", async () => {
    const content = Buffer.concat([band(1, "PACK")]);
    for (const cut of [0, 1, 4, 5, 6, content.byteLength]) {
      const reading = readAll(firstBand(packetReader(byteReader(bytesOf(content.subarray(0, cut))))), 100);
      assert.equal(await codeOf(reading), "SOURCE_TRUNCATED");
    }
  });

  test("is refused when there are no bands, and an ERR packet is what it says", async () => {
    const read = (content: Uint8Array) => codeOf(readAll(firstBand(packetReader(byteReader(bytesOf(content)))), 100));
    assert.equal(await read(packetOf("PACK")), "SOURCE_PROTOCOL");
    assert.equal(await read(Buffer.from("0004")), "SOURCE_PROTOCOL");
    assert.equal(await read(packetOf("ERR repository not found")), "SOURCE_NOT_FOUND");
    assert.equal(await read(band(3, "out of memory")), "SOURCE_FAILED");
  });
});

describe("a pack", () => {
  const objects = [0, 1, 15, 16, 2047, 2048, 70_000, 300_000].map((size, index) => patternBytes(size, index + 1));

  for (const format of ["sha1", "sha256"] as const) {
    test(`is walked object by object however the stream is cut (${format})`, async () => {
      const pack = aPack(objects, format);
      for (const bytes of cuts(pack)) assert.equal(await count(bytes, format), objects.length);
      for (const bytes of cuts(pack)) {
        let promised = 0;
        const passed = await readAll(
          checkedPack(bytes, format, (number) => (promised = number)),
          1 << 24,
        );
        assert.equal(promised, objects.length);
        assert.ok(pack.equals(passed));
      }
    });
  }

  test("with large objects that hardly deflate is walked in bounded pieces", async () => {
    const large = Buffer.from(await readAll(pattern(5_000_000), 1 << 24));
    assert.equal(await count(oddPieces(aPack([large, large.subarray(1)]))), 2);
  });

  test("cut short anywhere is an error, walked or only checked", async () => {
    const pack = aPack(objects.slice(0, 5));
    for (let cut = 0; cut < pack.byteLength; cut += cut < 60 ? 1 : 97) {
      const part = pack.subarray(0, cut);
      assert.match(await codeOf(count(bytesOf(part))), /^SOURCE_(TRUNCATED|CORRUPT)$/);
      const checked = readAll(
        checkedPack(bytesOf(part), "sha1", () => {}),
        1 << 24,
      );
      assert.match(await codeOf(checked), /^SOURCE_(TRUNCATED|CORRUPT)$/);
    }
  });

  test("with any one bit turned is an error", async () => {
    const pack = aPack(objects.slice(0, 5));
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.byteLength * 8 - 1), async (bit) => {
        const broken = Buffer.from(pack);
        broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.match(await codeOf(count(bytesOf(broken))), /^SOURCE_(TRUNCATED|CORRUPT)$/);
        assert.match(
          await codeOf(
            readAll(
              checkedPack(oddPieces(broken), "sha1", () => {}),
              1 << 24,
            ),
          ),
          /^SOURCE_(TRUNCATED|CORRUPT)$/,
        );
      }),
    );
  });

  test("whose checksum is right and whose objects are not is refused by walking it", async () => {
    const header = (number: number) =>
      Buffer.concat([Buffer.from("PACK\0\0\0\x02\0\0\0", "latin1"), Buffer.from([number])]);
    const good = entry(Buffer.from("hello"), 0, "sha1");
    const bodies = [
      Buffer.concat([header(2), good]),
      Buffer.concat([header(1), good, good]),
      Buffer.concat([header(1), sizeOf(1, 4), deflateSync(Buffer.from("hello"))]),
      Buffer.concat([header(1), sizeOf(1, 6), deflateSync(Buffer.from("hello"))]),
      Buffer.concat([header(1), sizeOf(1, 100_000), deflateSync(Buffer.alloc(200_000))]),
      Buffer.concat([header(1), sizeOf(1, 200_000), deflateSync(Buffer.alloc(100_000))]),
      Buffer.concat([header(1), sizeOf(0, 5), deflateSync(Buffer.from("hello"))]),
      Buffer.concat([header(1), sizeOf(5, 5), deflateSync(Buffer.from("hello"))]),
      Buffer.concat([header(1), Buffer.alloc(20, 0xff)]),
      Buffer.concat([header(1), Buffer.from([0xe5]), Buffer.alloc(40, 0xff)]),
    ];
    for (const [index, body] of bodies.entries()) {
      const pack = Buffer.concat([body, createHash("sha1").update(body).digest()]);
      const code = await codeOf(count(bytesOf(pack)));
      assert.match(code, /^SOURCE_(TRUNCATED|CORRUPT)$/, `pack ${index}`);
    }
  });

  test("of any bytes is a typed error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (rest) => {
        const body = Buffer.concat([Buffer.from("PACK\0\0\0\x02\0\0\0\x03", "latin1"), rest]);
        const sealed = Buffer.concat([body, createHash("sha1").update(body).digest()]);
        for (const content of [rest, sealed]) assert.ok(typed.has(await codeOf(count(inPieces(content, 7)))));
      }),
    );
  });

  test("ends with the signal's reason when told to stop", async () => {
    const reason = new Error("told to stop");
    const walking = countObjects(byteReader(bytesOf(aPack(objects))), "sha1", AbortSignal.abort(reason));
    await assert.rejects(walking, (error) => error === reason);
  });
});

describe("a bundle", () => {
  const oid = "0123456789abcdef0123456789abcdef01234567";
  const listing = (): Listing =>
    listingOf(
      [
        { oid, name: "refs/tags/v1" },
        { oid, name: "refs/heads/m\xe9" },
      ],
      { oid, target: "refs/heads/main" },
      "sha1",
    );

  test("begins as git's does, HEAD first and refs in order", () => {
    const text = `# v2 git bundle\n${oid} HEAD\n${oid} refs/heads/m\xe9\n${oid} refs/tags/v1\n\n`;
    assert.equal(Buffer.from(bundleHeader(listing())).toString("latin1"), text);
    const long = "ab".repeat(32);
    const sha256 = listingOf([{ oid: long, name: "refs/heads/main" }], { oid: undefined, target: undefined }, "sha256");
    assert.equal(
      Buffer.from(bundleHeader(sha256)).toString(),
      `# v3 git bundle\n@object-format=sha256\n${long} refs/heads/main\n\n`,
    );
  });

  test("is read as it was written, however the stream is cut", async () => {
    const pack = aPack([patternBytes(100), patternBytes(5)]);
    const content = await readAll(
      bundleBytes(listing(), bytesOf(pack), () => {}),
      1 << 20,
    );
    for (const bytes of cuts(content)) {
      const opened = await openBundle(bytes);
      assert.deepEqual(opened.listing, { ...listing(), head: { oid, target: undefined } });
      assert.equal(await countObjects(opened.pack, "sha1", signal), 2);
    }
  });

  test("with another beginning, needs that cannot be met, or no end of lines is refused", async () => {
    const headers = [
      "",
      "PACK",
      "# v1 git bundle\n\n",
      "# v2 git bundle\n",
      `# v2 git bundle\n-${oid} missing\n\n`,
      "# v3 git bundle\n@filter=blob:none\n\n",
      "# v3 git bundle\n@object-format=md5\n\n",
      `# v2 git bundle\n${oid}\n\n`,
      `# v2 git bundle\n${oid} main\n\n`,
      `# v2 git bundle\n${oid} refs/heads/a b\n\n`,
      `# v2 git bundle\n${"x".repeat(70_000)}`,
    ];
    for (const header of headers) assert.ok(typed.has(await codeOf(openBundle(bytesOf(header)))), header.slice(0, 60));
  });

  test("of any bytes is a typed error or a bundle", async () => {
    const line = fc.oneof(fc.constant(`${oid} refs/heads/a`), fc.string(), fc.constant("@object-format=sha1"));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("# v2 git bundle", "# v3 git bundle", "x"),
        fc.array(line),
        async (first, lines) => {
          const code = await codeOf(openBundle(oddPieces(Buffer.from(`${[first, ...lines].join("\n")}\n\n`))));
          assert.ok(code === "none" || typed.has(code), code);
        },
      ),
    );
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { compareCopy } from "../../../lib/storage/s3/confirm.ts";

const md5 = (content: string | Buffer) => createHash("md5").update(content).digest();
const A = `"${md5("a").toString("hex")}"`;
const B = `"${md5("b").toString("hex")}"`;
const A_IN_ONE_PART = `"${md5(md5("a")).toString("hex")}-1"`;

for (const [what, source, made, says] of [
  ["equal checksums", { ChecksumCRC32: "z/8ZCA==", ETag: A }, { ChecksumCRC32: "z/8ZCA==", ETag: B }, "same"],
  ["other checksums", { ChecksumCRC32: "z/8ZCA==", ETag: A }, { ChecksumCRC32: "67XDxA==", ETag: A }, "other"],
  ["the one that both have", { ChecksumCRC64NVME: "LTs1ATUpixo=" }, { ChecksumCRC64NVME: "HLuP0elN8L4=" }, "other"],
  ["two of other kinds", { ChecksumCRC32: "z/8ZCA==", ETag: A }, { ChecksumCRC64NVME: "LTs1ATUpixo=" }, "unknown"],
  ["one of parts", { ChecksumCRC32: "rP9bSg==-2", ETag: `${A}-2` }, { ChecksumCRC32: "z/8ZCA==", ETag: B }, "unknown"],
  ["equal ETags", { ETag: A }, { ETag: A, ServerSideEncryption: "AES256" }, "same"],
  ["the ETag of one part", { ETag: A }, { ETag: A_IN_ONE_PART }, "same"],
  ["other ETags", { ETag: A }, { ETag: B }, "unknown"],
  ["equal ETags under KMS", { ETag: A }, { ETag: A, ServerSideEncryption: "aws:kms" }, "unknown"],
  ["nothing", {}, {}, "unknown"],
] as const) {
  test(`of a copy and its source, ${what}: ${says}`, () => {
    assert.equal(compareCopy(source, made), says);
  });
}

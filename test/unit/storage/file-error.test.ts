import assert from "node:assert/strict";
import { constants, tmpdir } from "node:os";
import { test } from "node:test";
import { StorageError } from "../../../lib/errors.ts";
import { fileError } from "../../../lib/storage/file-error.ts";

const path = `${tmpdir()}/no-such-folder/a.tar`;

/** As Node throws it: `code` is a number's name only where libuv knows one. */
function systemError(
  name: keyof typeof constants.errno,
  message = `${name}: what the system says, write '${path}'`,
): Error {
  return Object.assign(new Error(message), { errno: -constants.errno[name], code: name, syscall: "write" });
}

for (const [name, errorName, code, message] of [
  ["ENOSPC", "StorageError", "STORAGE_FULL", /no space left: \d+ bytes( and \d+ inodes)? free$/],
  ["EDQUOT", "StorageError", "STORAGE_FULL", /the quota is used up \(file system: \d+ bytes/],
  ["EACCES", "StorageError", "STORAGE_FORBIDDEN", /permission denied/],
  ["EPERM", "StorageError", "STORAGE_FORBIDDEN", /permission denied/],
  ["EROFS", "StorageError", "STORAGE_FORBIDDEN", /mounted read-only/],
  ["EIO", "TransientError", "STORAGE_FAILED", /what the system says$/],
  ["ESTALE", "TransientError", "STORAGE_FAILED", /what the system says$/],
  ["ETIMEDOUT", "TransientError", "STORAGE_FAILED", /what the system says$/],
  ["EMFILE", "TransientError", "STORAGE_FAILED", /what the system says$/],
  ["ENOENT", "NotFoundError", "NOT_FOUND", /there is no such file$/],
  ["ENAMETOOLONG", "StorageError", "STORAGE_FAILED", /the name is longer than this file system takes$/],
  ["EFBIG", "StorageError", "STORAGE_FAILED", /the file is larger than this file system takes$/],
  ["EXDEV", "StorageError", "STORAGE_FAILED", /what the system says$/],
] as const) {
  test(`${name} becomes a ${errorName} ${code} that names what was done and where`, async () => {
    const cause = systemError(name);
    const error = await fileError("storing job/a.tar", path, cause);
    assert.equal(error.name, errorName);
    assert.equal("code" in error && error.code, code);
    assert.ok(error.message.startsWith(`storing job/a.tar: ${path}: `), error.message);
    assert.match(error.message, message);
    assert.equal(error.cause, cause);
  });
}

test("an error that libuv has no name for is known by its number", async () => {
  const error = Object.assign(systemError("EDQUOT"), {
    code: "Unknown system error -122",
    errno: -constants.errno.EDQUOT,
  });
  assert.equal("code" in (await fileError("storing a", path, error)) && error.errno, -constants.errno.EDQUOT);
  assert.match((await fileError("storing a", path, error)).message, /quota/);
});

test("an error of ours, or one that is no system error, is left as it is", async () => {
  for (const error of [new StorageError("STORAGE_FULL", "full"), new TypeError("a fault of ours")]) {
    assert.equal(await fileError("storing a", path, error), error);
  }
});

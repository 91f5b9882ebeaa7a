import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { IntegrityError, SourceError } from "../../lib/errors.ts";
import { machineFault } from "../../lib/machine-fault.ts";
import { ProgramFailedError, ProgramMissingError, programText } from "../../lib/process.ts";

const codeOf = (error: unknown) =>
  machineFault(new IntegrityError("PROOF_FAILED", "app.bundle: git cannot restore it", { cause: error }), "app.bundle")
    ?.code;
const ended = (code: number | null, stderr: string, signal: NodeJS.Signals | null = null) =>
  new ProgramFailedError("git", { code, signal, stderr });

test("what keeps a machine from proving is found among the causes", async () => {
  const cases: readonly [unknown, string][] = [
    [ended(128, "error: unable to write file x: No space left on device\nfatal: index-pack failed\n"), "SCRATCH_FULL"],
    [ended(2, "tar: a: Cannot write: Disk quota exceeded\n"), "SCRATCH_FULL"],
    [
      ended(2, "tar: a: Wrote only 5120 of 10240 bytes\ntar: Exiting with failure status due to previous errors\n"),
      "SCRATCH_FULL",
    ],
    [ended(128, "error: index-pack died of signal 9\nfatal: clone failed\n"), "PROOF_ABORTED"],
    [ended(128, "fatal: Out of memory, malloc failed (tried to allocate 1 bytes)\n"), "PROOF_ABORTED"],
    [ended(null, "", "SIGKILL"), "PROOF_ABORTED"],
    [new ProgramMissingError("git"), "PROOF_ABORTED"],
    [Object.assign(new Error("spawn EAGAIN"), { errno: -11, syscall: "spawn git" }), "PROOF_ABORTED"],
    [Object.assign(new Error("EIO: i/o error, write"), { errno: -5, syscall: "write" }), "PROOF_ABORTED"],
    [
      Object.assign(new Error("ENOSPC: no space left on device, write"), { errno: -28, syscall: "write" }),
      "SCRATCH_FULL",
    ],
    [
      new SourceError("SOURCE_FAILED", "the Engine at here extracts: write /a: no space left on device: unknown"),
      "SOURCE_FAILED",
    ],
  ];
  for (const [error, code] of cases) assert.equal(codeOf(error), code, String(error));
  const killed = programText("sh", ["-c", "kill -9 $$"], { signal: new AbortController().signal });
  assert.equal(await killed.then(undefined, codeOf), "PROOF_ABORTED");
});

test("what an artifact is to blame for is no fault of the machine", async () => {
  const cut = promisify(gunzip)(Buffer.from("1f8b0800000000000003", "hex"));
  assert.equal(await cut.then(undefined, codeOf), undefined);
  assert.equal(codeOf(ended(128, "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output\n")), undefined);
  assert.equal(codeOf(ended(2, "tar: No space left on device/a: Not found in archive\n")), undefined);
  assert.equal(codeOf(new TypeError("no such property")), undefined);
});

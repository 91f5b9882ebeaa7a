import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { isGone, thisProcess } from "../../lib/process-identity.ts";

test("a process is gone when it has ended, or when its number went to another one since", () => {
  const here = thisProcess();
  const ended = Number(execFileSync("sh", ["-c", "echo $$"]).toString());
  assert.equal(isGone(here), false);
  assert.equal(isGone({ ...here, pid: ended }), true);
  assert.equal(isGone({ ...here, start: here.start + 1 }), here.start !== 0);
});

test("nothing is known of a process of another machine", () => {
  const here = thisProcess();
  const ended = Number(execFileSync("sh", ["-c", "echo $$"]).toString());
  assert.equal(isGone({ ...here, machine: "0123456789ab", pid: ended }), false);
});

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createOutput, type Output } from "../../../cli/output.ts";

test("text goes to stdout, notes to stderr, each colour only to a terminal", () => {
  const { output, stdout, stderr } = opened({ stdoutTty: false, stderrTty: true });
  output.note(output.notePaint("red", "a note"));
  output.result({ text: output.paint("red", "a result\n"), json: {} });
  assert.equal(stdout(), "a result\n");
  assert.equal(stderr(), "\u001b[31ma note\u001b[39m\n");
  assert.notEqual(output.live, undefined);
});

test("with --json the result is its document, and a second result is refused", () => {
  const { output, stdout } = opened({ json: true });
  assert.equal(output.hasResult(), false);
  output.result({ text: "not this", json: { ok: true } });
  assert.deepEqual(JSON.parse(stdout()), { ok: true });
  assert.equal(output.hasResult(), true);
  assert.throws(() => output.result({ text: "", json: {} }), /two results/);
});

test("NO_COLOR and a dumb terminal leave no escape code, FORCE_COLOR or not", () => {
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }, { NO_COLOR: "1", FORCE_COLOR: "1" }]) {
    const { output } = opened({ stdoutTty: true, stderrTty: true, env });
    assert.equal(output.paint("red", "x") + output.notePaint("bold", "x"), "xx");
    assert.equal(output.live, undefined);
  }
  assert.notEqual(opened({ stdoutTty: true, env: { NO_COLOR: "" } }).output.paint("red", "x"), "x");
});

test("FORCE_COLOR colours a pipe, and 0 leaves a terminal plain", () => {
  assert.notEqual(opened({ env: { FORCE_COLOR: "1" } }).output.paint("red", "x"), "x");
  assert.equal(opened({ stdoutTty: true, env: { FORCE_COLOR: "0" } }).output.paint("red", "x"), "x");
  assert.equal(opened({ env: { FORCE_COLOR: "1" } }).output.live, undefined);
});

test("results are fitted to a terminal and never to a pipe", () => {
  assert.equal(opened({ stdoutTty: true }).output.width, 72);
  assert.equal(opened({}).output.width, undefined);
});

test("a note during a drawing stands above it, and a result takes the drawing away", () => {
  const { output, stderr } = opened({ stderrTty: true });
  output.live?.draw(["drawn"]);
  output.note("a note");
  output.result({ text: "done\n", json: {} });
  const text = stderr();
  assert.match(text, /a note\ndrawn/);
  assert.ok(text.endsWith("\u001b[1A\r\u001b[?25h"), JSON.stringify(text));
});

function opened(given: { json?: boolean; stdoutTty?: boolean; stderrTty?: boolean; env?: NodeJS.ProcessEnv }): {
  output: Output;
  stdout: () => string;
  stderr: () => string;
} {
  const stdout = stream(given.stdoutTty ?? false);
  const stderr = stream(given.stderrTty ?? false);
  const output = createOutput({ stdout, stderr, env: given.env ?? {} }, { json: given.json ?? false });
  const text = (from: PassThrough) => () => String(from.read() ?? "");
  return { output, stdout: text(stdout), stderr: text(stderr) };
}

function stream(isTTY: boolean) {
  return Object.assign(new PassThrough(), { isTTY, columns: 72, rows: 20 });
}

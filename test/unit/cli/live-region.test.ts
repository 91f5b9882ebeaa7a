import assert from "node:assert/strict";
import { test } from "node:test";
import { liveRegion } from "../../../cli/live-region.ts";

/** Enough of a terminal to see what stays on its screen: text, newlines, cursor up, and the two ways to erase. */
function screen(columns = 40) {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  let cursorShown = true;
  const writes: string[] = [];
  return {
    columns,
    rows: 10,
    writes,
    cursorShown: () => cursorShown,
    text: () => lines.join("\n").trimEnd(),
    write(text: string) {
      writes.push(text);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what it reads.
      for (const token of text.match(/\x1b\[\??\d*[A-Za-z]|\n|\r|[^\x1b\n\r]/g) ?? []) {
        if (token === "\n") {
          row += 1;
          column = 0;
          lines[row] ??= "";
        } else if (token === "\r") column = 0;
        else if (token === "\x1b[K") lines[row] = (lines[row] ?? "").slice(0, column);
        else if (token === "\x1b[J") {
          lines[row] = (lines[row] ?? "").slice(0, column);
          lines.length = row + 1;
        } else if (token === "\x1b[?25l") cursorShown = false;
        else if (token === "\x1b[?25h") cursorShown = true;
        else if (token.startsWith("\x1b[") && token.endsWith("A")) row = Math.max(0, row - Number(token.slice(2, -1)));
        else if (token.startsWith("\x1b")) assert.fail(`unexpected ${JSON.stringify(token)}`);
        else {
          const line = lines[row] ?? "";
          lines[row] = line.slice(0, column) + token + line.slice(column + 1);
          column += 1;
        }
      }
      return true;
    },
  };
}

test("a drawing replaces the one before, also when it has fewer or shorter lines", () => {
  const terminal = screen();
  const region = liveRegion(terminal);
  region.draw(["a long first line", "second", "third"]);
  assert.equal(terminal.text(), "a long first line\nsecond\nthird");
  region.draw(["short", "2nd"]);
  assert.equal(terminal.text(), "short\n2nd");
  region.draw([]);
  assert.equal(terminal.text(), "");
});

test("lines written above stay, in order, and the drawing stays last", () => {
  const terminal = screen();
  const region = liveRegion(terminal);
  region.above("before\n");
  region.draw(["drawn", "twice"]);
  region.above("one\n");
  region.above("two\nthree\n");
  assert.equal(terminal.text(), "before\none\ntwo\nthree\ndrawn\ntwice");
  region.draw(["redrawn"]);
  assert.equal(terminal.text(), "before\none\ntwo\nthree\nredrawn");
});

test("at the end nothing of it is left and the cursor is back", () => {
  const terminal = screen();
  const region = liveRegion(terminal);
  region.above("kept\n");
  region.draw(["drawn"]);
  assert.equal(terminal.cursorShown(), false);
  region.clear();
  assert.equal(terminal.cursorShown(), true);
  assert.equal(terminal.text(), "kept");
  const written = terminal.writes.length;
  region.clear();
  assert.equal(terminal.writes.length, written);
});

test("each change is one write, so that a half-drawn state is never shown", () => {
  const terminal = screen();
  const region = liveRegion(terminal);
  region.draw(["a", "b"]);
  region.draw(["c", "d"]);
  region.above("line\n");
  assert.equal(terminal.writes.length, 3);
});

test("after the terminal was made narrower, the rows that its wrapping made are taken away too", () => {
  const terminal = screen(40);
  const region = liveRegion(terminal);
  region.draw(["x".repeat(39), "y"]);
  terminal.columns = 20;
  terminal.writes.length = 0;
  region.draw(["z"]);
  assert.ok(terminal.writes[0]?.startsWith("\x1b[3A\r"), JSON.stringify(terminal.writes[0]));
});

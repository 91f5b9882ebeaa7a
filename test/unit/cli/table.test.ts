import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { painter } from "../../../cli/output.ts";
import { table } from "../../../cli/table.ts";
import { textWidth } from "../../../cli/text-width.ts";

const columns = [{ title: "unit", shrink: true }, { title: "size", align: "right" as const }, { title: "proved" }];

test("columns line up, figures to the right, without trailing spaces", () => {
  const text = table(columns, [
    ["git", "1.2 MiB", "restored"],
    ["文書", "34 B", "no"],
    ["empty", "-", ""],
  ]);
  assert.equal(
    text,
    ["unit      size  proved", "git    1.2 MiB  restored", "文書      34 B  no", "empty        -", ""].join("\n"),
  );
});

test("colours do not move columns", () => {
  const paint = painter(true);
  const rows = [
    [{ text: "git", paint: (text: string) => paint("red", text) }, "1 B", "no"],
    ["documents", "1 B", "no"],
  ];
  const plain = table(
    columns,
    rows.map((row) => row.map((cell) => (typeof cell === "string" ? cell : cell.text))),
  );
  const coloured = table(columns, rows);
  assert.notEqual(coloured, plain);
  assert.equal(stripVTControlCharacters(coloured), plain);
});

test("on a narrow terminal the name gives way, and nothing is cut where no terminal is", () => {
  const rows = [["organisation/a-repository-with-a-long-name", "1.2 MiB", "restored"]];
  const narrow = table(columns, rows, 40);
  for (const line of narrow.split("\n")) assert.ok(textWidth(line) <= 40, line);
  assert.match(narrow, /^organisati…-long-name {2}1\.2 MiB {2}restored$/m);
  assert.match(table(columns, rows), /organisation\/a-repository-with-a-long-name/);
});

test("a newline in a name breaks no row", () => {
  assert.equal(table([{ title: "unit" }], [["two\nlines"]]).split("\n").length, 3);
});

test("a table without rows is its heading", () => {
  assert.equal(table([{ title: "unit" }, { title: "status" }], []), "unit  status\n");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isOf, type Piece, shareOf } from "./piece.ts";
import { randomOf } from "./random.ts";
import { soakQueue } from "./soak-queue.ts";

const pieces = (kind: string, count: number): readonly Piece[] =>
  Array.from({ length: count }, (_, slice) => ({ kind, scenario: "daily run", slice, does: "steadily" }));
const nameOf = ({ kind, slice }: Piece): string => `${kind} ${slice}`;

test("each piece is handed out once, to whoever asks, also while others are still being planned", async () => {
  const queue = soakQueue(randomOf(1), () => false);
  const taken: string[] = [];
  const worker = async () => {
    for (let piece = await queue.take(); piece !== undefined; piece = await queue.take()) taken.push(nameOf(piece));
  };
  const working = [worker(), worker(), worker()];
  const all = [...pieces("kills, S3", 7), ...pieces("faults, memory", 30), ...pieces("years", 1)];
  for (const piece of all) {
    queue.add(piece);
    if (piece.slice % 5 === 0) await Promise.resolve();
  }
  queue.close();
  await Promise.all(working);
  assert.deepEqual(taken.sort(), all.map(nameOf).sort());
});

test("faults in memory come first until there are enough, and then some of every kind", async () => {
  let faults = 0;
  const queue = soakQueue(randomOf(1), () => faults < 10);
  for (const piece of [...pieces("kills, S3", 4), ...pieces("faults, memory", 20), ...pieces("years", 1)])
    queue.add(piece);
  const kinds: (string | undefined)[] = [];
  for (let n = 0; n < 14; n += 1) {
    const piece = await queue.take();
    if (piece?.kind === "faults, memory") faults += 1;
    kinds.push(piece?.kind);
  }
  assert.ok(kinds.slice(0, 10).every((kind) => kind === "faults, memory"));
  assert.deepEqual(new Set(kinds.slice(10, 12)), new Set(["kills, S3", "years"]));
});

test("who waits for a piece is let go at the end, with nothing", async () => {
  const queue = soakQueue(randomOf(1), () => false);
  const waiting = queue.take();
  queue.end();
  assert.equal(await waiting, undefined);
  assert.equal(await queue.take(), undefined);
});

test("of several shares each piece is in one, whatever else a machine has planned", () => {
  const all = [...pieces("kills, S3", 9), ...pieces("stops, S3", 10)];
  const parts = 4;
  const mine = (planned: readonly Piece[], part: number) => planned.filter((piece) => shareOf(piece, parts) === part);
  // One machine saw a boundary more than the others, for which it has a piece more.
  const more = [...pieces("kills, S3", 10), ...pieces("stops, S3", 10)];
  const done = [0, 1, 2, 3].flatMap((part) => mine(part === 2 ? more : all, part).map(nameOf));
  assert.equal(new Set(done).size, done.length);
  for (const name of all.map(nameOf)) assert.ok(done.includes(name), name);
});

test("kinds are chosen by the word that they begin with", () => {
  const all = ["kills, S3", "kills of restores", "stops, filesystem", "faults, memory"].flatMap((kind) =>
    pieces(kind, 1),
  );
  const chosen = (words: readonly string[]) => all.filter((piece) => isOf(piece, words)).map(({ kind }) => kind);
  assert.deepEqual(chosen(["kills", "stops"]), ["kills, S3", "kills of restores", "stops, filesystem"]);
  assert.equal(chosen([]).length, all.length);
});

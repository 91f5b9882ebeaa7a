import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ABSENT, type ClaimSystem, renameOver } from "../../../lib/storage/claim.ts";
import { lockName, temporaryName } from "../../../lib/storage/temporary.ts";
import { sha256 } from "../../support/bytes.ts";
import { temporaryFolder } from "../../support/stores.ts";

/** A clock that goes on by what is waited for, and what happens meanwhile. */
function aSystem(meanwhile: (waitedMs: number) => Promise<void> | void = () => {}) {
  let time = 0;
  const system: ClaimSystem = {
    pause: async (ms) => {
      time += ms;
      await meanwhile(time);
      await new Promise((resolve) => setImmediate(resolve));
    },
    elapsed: () => time,
  };
  return { system, waited: () => time };
}

const living = temporaryName();
/** Of a process that was one of this machine and has ended. */
const dead = living.replace(/-\d+-\d+-/, `-${execFileSync("sh", ["-c", "echo $$"]).toString().trim()}-7-`);
const elsewhere = living.replace(/tmp-[0-9a-f]{12}/, "tmp-0123456789ab");
const OLD = sha256(Buffer.from("old"));

async function aFolder() {
  const folder = await temporaryFolder();
  const final = join(folder.path, "final");
  await writeFile(final, "old");
  const fresh = async (content: string) => {
    const path = join(folder.path, temporaryName());
    await writeFile(path, content);
    return path;
  };
  const lock = (number: number, owner: string, version = OLD) =>
    writeFile(
      join(folder.path, lockName("final", version, number)),
      owner === "" ? "" : JSON.stringify({ owner, name: "final", version }),
    );
  const locks = async () => (await readdir(folder.path)).filter((name) => name.includes("-lock-"));
  return { path: folder.path, final, fresh, lock, locks, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

test("a file is replaced while it has the version, and left alone when it has another or is gone", async () => {
  await using a = await aFolder();
  const { system } = aSystem();
  assert.equal(await renameOver(await a.fresh("new"), a.final, sha256(Buffer.from("other")), system), false);
  assert.equal(await renameOver(await a.fresh("new"), a.final, ABSENT, system), false);
  assert.equal(await readFile(a.final, "utf8"), "old");
  assert.equal(await renameOver(await a.fresh("new"), a.final, OLD, system), true);
  assert.equal(await readFile(a.final, "utf8"), "new");
  assert.equal(await renameOver(await a.fresh("newer"), a.final, OLD, system), false);
  await unlink(a.final);
  assert.equal(await renameOver(await a.fresh("newer"), a.final, OLD, system), false);
  assert.equal(await renameOver(await a.fresh("newer"), a.final, ABSENT, system), true);
  assert.deepEqual(await a.locks(), []);
});

test("locks of processes that were killed here are passed by at once, and gone afterwards", async () => {
  await using a = await aFolder();
  for (const number of [0, 1, 2]) await a.lock(number, dead);
  const { system, waited } = aSystem();
  assert.equal(await renameOver(await a.fresh("new"), a.final, OLD, system), true);
  assert.deepEqual([waited(), await a.locks(), await readFile(a.final, "utf8")], [0, [], "new"]);
});

for (const [whose, owner] of [
  ["of another machine", elsewhere],
  ["of a process here that stands still", living],
  ["that was never filled", ""],
] as const) {
  test(`a lock ${whose} is passed by after 15 seconds without a change`, async () => {
    await using a = await aFolder();
    await a.lock(0, owner);
    const { system, waited } = aSystem();
    assert.equal(await renameOver(await a.fresh("new"), a.final, OLD, system), true);
    assert.ok(waited() > 15_000 && waited() < 16_000, `${waited()}`);
    assert.deepEqual(await a.locks(), []);
  });
}

test("a lock that is given back is waited for, and what its holder did counts", async () => {
  await using a = await aFolder();
  await a.lock(0, elsewhere);
  const { system, waited } = aSystem(async (ms) => {
    if (ms !== 100) return;
    await writeFile(a.final, "by the other");
    await unlink(join(a.path, lockName("final", OLD, 0)));
  });
  assert.equal(await renameOver(await a.fresh("new"), a.final, OLD, system), false);
  assert.deepEqual([waited(), await a.locks(), await readFile(a.final, "utf8")], [100, [], "by the other"]);
});

test("of many that pass by one dead lock exactly one replaces the file", async () => {
  for (let round = 0; round < 20; round += 1) {
    await using a = await aFolder();
    await a.lock(0, dead);
    await a.lock(1, dead);
    const writers = await Promise.all(Array.from({ length: 10 }, (_, n) => a.fresh(`${n}`)));
    const won = await Promise.all(writers.map((path) => renameOver(path, a.final, OLD, aSystem().system)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await readFile(a.final, "utf8"), `${won.indexOf(true)}`);
    assert.deepEqual(await a.locks(), []);
  }
});

test("who held the lock for too long replaces nothing and gives it back", async () => {
  await using a = await aFolder();
  let calls = 0;
  // A machine that was suspended right after it had taken the lock.
  const system: ClaimSystem = { pause: async () => {}, elapsed: () => (calls++ === 0 ? 0 : 6_000) };
  await assert.rejects(renameOver(await a.fresh("new"), a.final, OLD, system), { name: "TransientError" });
  assert.deepEqual([await readFile(a.final, "utf8"), await a.locks()], ["old", []]);
});

test("a rename that fails gives back its own lock and leaves those below it", async () => {
  await using a = await aFolder();
  await a.lock(0, dead);
  await assert.rejects(renameOver(join(a.path, temporaryName()), a.final, OLD, aSystem().system), { code: "ENOENT" });
  assert.deepEqual(await a.locks(), [lockName("final", OLD, 0)]);
});

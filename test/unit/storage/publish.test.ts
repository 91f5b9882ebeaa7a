import assert from "node:assert/strict";
import { link, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type PublishSystem, publishNew } from "../../../lib/storage/publish.ts";
import { temporaryFolder } from "../../support/stores.ts";

/** No file system without hard links can be mounted without its tools, so only the call that it refuses is replaced. */
const refusing = (code: string, errno: number): PublishSystem => ({
  link: async () => {
    throw Object.assign(new Error(`${code}: refused, link`), { code, errno });
  },
  pause: () => new Promise((resolve) => setImmediate(resolve)),
  elapsed: () => 0,
});
const noLinks = refusing("EPERM", -1);
const withLinks: PublishSystem = { ...noLinks, link };

async function twoFiles(folder: string) {
  const [one, two, final] = [join(folder, "one.tmp"), join(folder, "two.tmp"), join(folder, "final")];
  await writeFile(one, "one");
  await writeFile(two, "two");
  return { one, two, final };
}

for (const [how, system] of [
  ["with hard links", withLinks],
  ["without hard links", noLinks],
] as const) {
  test(`${how} a name that is free is taken, and one that is not is left alone`, async () => {
    await using folder = await temporaryFolder();
    const { one, two, final } = await twoFiles(folder.path);
    assert.equal(await publishNew(one, final, system), true);
    assert.equal(await publishNew(two, final, system), false);
    assert.equal(await readFile(final, "utf8"), "one");
    assert.equal(await readFile(two, "utf8"), "two");
  });

  test(`${how} of many writers at once exactly one gets the name, and no lock stays`, async () => {
    await using folder = await temporaryFolder();
    const writers = Array.from({ length: 12 }, (_, n) => join(folder.path, `${n}.tmp`));
    for (const path of writers) await writeFile(path, path);
    const final = join(folder.path, "final");
    const won = await Promise.all(writers.map((path) => publishNew(path, final, system)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await readFile(final, "utf8"), writers[won.indexOf(true)]);
    assert.deepEqual(
      (await readdir(folder.path)).filter((name) => name.startsWith(".")),
      [],
    );
  });
}

test("a link that was made although its answer was lost counts as made", async () => {
  await using folder = await temporaryFolder();
  const { one, final } = await twoFiles(folder.path);
  const answerLost: PublishSystem = {
    ...withLinks,
    link: async (from, to) => {
      await link(from, to);
      await link(from, to);
    },
  };
  assert.equal(await publishNew(one, final, answerLost), true);
});

test("another failure of the link is thrown", async () => {
  await using folder = await temporaryFolder();
  const { one, final } = await twoFiles(folder.path);
  await assert.rejects(publishNew(one, final, refusing("EIO", -5)), { code: "EIO" });
});

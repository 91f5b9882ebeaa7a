import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assetBytes } from "../../../../lib/connectors/github/asset-bytes.ts";
import { heldParts, largeParts } from "../../../../lib/connectors/github/parts.ts";

describe("which parts of a repository are units of their own", () => {
  for (const [git, assets, large] of [
    [1e6, 1e6, []],
    [2e9, 1e6, ["git"]],
    [1e6, 2e9, ["assets"]],
    [2e9, 2e9, ["git", "assets"]],
    [2e9, undefined, ["git", "assets"]],
    [1e6, undefined, []],
  ] as const) {
    test(`${git} bytes of git and ${assets ?? "nobody knows how many"} of assets`, () => {
      assert.deepEqual(largeParts(git, assets), large);
    });
  }

  test("each content is held by exactly one of the units", () => {
    for (const units of [
      [["metadata", "git"], ["assets"]],
      [["metadata", "assets"], ["git"]],
      [["metadata"], ["git"], ["assets"]],
      [undefined],
    ] as const) {
      for (const content of ["git", "wiki", "lfs", "submodules", "assets", "attachments"] as const)
        assert.equal(units.filter((parts) => heldParts(parts).has(content)).length, 1, content);
      assert.equal(units.filter((parts) => heldParts(parts).kinds === undefined).length, 1);
    }
  });
});

describe("how large the files of releases are", () => {
  const release = (totalCount: number, ...sizes: number[]) => ({
    releaseAssets: { totalCount, nodes: sizes.map((size) => ({ size })) },
  });

  test("is their sum where all are shown, and an estimate where some are not", () => {
    assert.equal(assetBytes({ totalCount: 2, nodes: [release(2, 10, 30), release(0)] }), 40);
    assert.equal(assetBytes({ totalCount: 1, nodes: [release(4, 10, 30)] }), 80);
    assert.equal(assetBytes({ totalCount: 10, nodes: [release(1, 5), release(1, 15)] }), 100);
    assert.equal(assetBytes({ totalCount: 0, nodes: [] }), 0);
  });

  test("is not known where it was not told", () => {
    for (const none of [undefined, null, {}, { totalCount: 3, nodes: [] }, { totalCount: 1, nodes: [null] }])
      assert.equal(assetBytes(none), undefined);
  });
});

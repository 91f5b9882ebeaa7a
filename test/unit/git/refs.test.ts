import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CodedError, SourceError, TransientError } from "../../../lib/errors.ts";
import { judgeProgram } from "../../../lib/git/fault.ts";
import { followed } from "../../../lib/git/redirect.ts";
import { refPatterns } from "../../../lib/git/ref-patterns.ts";
import { fingerprintOf, listingOf, type Ref, refsDigest, tips } from "../../../lib/git/refs.ts";

const [A, B] = ["a".repeat(40), "b".repeat(40)];
const none = { oid: undefined, target: undefined };
const list = (refs: readonly Ref[], head = none as { oid: string | undefined; target: string | undefined }) =>
  listingOf(refs, head, "sha1");

describe("a listing", () => {
  test("is in git's order, by byte, whatever order it came in", () => {
    const names = ["refs/heads/a", "refs/heads/A", "refs/heads/\xc3\xa9", "refs/heads/a-b", "refs/heads/a/b"];
    const sorted = list(names.map((name) => ({ oid: A, name }))).refs.map(({ name }) => name);
    assert.deepEqual(sorted, [
      "refs/heads/A",
      "refs/heads/a",
      "refs/heads/a-b",
      "refs/heads/a/b",
      "refs/heads/\xc3\xa9",
    ]);
  });

  test("with what cannot be a ref, an id or a second ref of one name is refused", () => {
    const wrong: readonly (readonly Ref[])[] = [
      [{ oid: "zz", name: "refs/heads/a" }],
      [{ oid: "a".repeat(64), name: "refs/heads/a" }],
      [{ oid: A, name: "heads/a" }],
      [{ oid: A, name: "" }],
      [{ oid: A, name: "refs/heads/a\nb" }],
      [{ oid: A, name: "refs/heads/a b" }],
      [{ oid: A, name: "refs/heads/../x" }],
      [
        { oid: A, name: "refs/heads/a" },
        { oid: B, name: "refs/heads/a" },
      ],
    ];
    for (const refs of wrong) {
      assert.throws(
        () => list(refs),
        (error) => error instanceof SourceError && error.code === "SOURCE_PROTOCOL",
      );
    }
    assert.throws(() => list([], { oid: "x", target: undefined }), SourceError);
    assert.throws(() => list([], { oid: undefined, target: "refs/heads/a\nb" }), SourceError);
  });

  test("names each tip once, that of a detached HEAD too", () => {
    const refs = [
      { oid: A, name: "refs/heads/a" },
      { oid: A, name: "refs/heads/b" },
    ];
    assert.deepEqual(tips(list(refs)), [A]);
    assert.deepEqual(tips(list(refs, { oid: B, target: undefined })), [B, A]);
  });

  test("has the digest that `git show-ref | sha256sum` prints", () => {
    const text = `${A} refs/heads/\xe9\n`;
    assert.equal(
      refsDigest([{ oid: A, name: "refs/heads/\xe9" }]),
      createHash("sha256").update(text, "latin1").digest("hex"),
    );
  });

  test("has a fingerprint that depends on all of it and not on the order", () => {
    const refs = [
      { oid: A, name: "refs/heads/a" },
      { oid: B, name: "refs/heads/b" },
    ];
    const head = { oid: A, target: "refs/heads/a" };
    const first = fingerprintOf(list(refs, head), undefined);
    assert.equal(fingerprintOf(list(refs.toReversed(), head), undefined), first);
    const others = [
      fingerprintOf(list(refs.slice(1), head), undefined),
      fingerprintOf(
        list(
          [
            { oid: B, name: "refs/heads/a" },
            { oid: B, name: "refs/heads/b" },
          ],
          head,
        ),
        undefined,
      ),
      fingerprintOf(list(refs, { oid: A, target: undefined }), undefined),
      fingerprintOf(list(refs, { oid: B, target: "refs/heads/a" }), undefined),
      fingerprintOf(list(refs, head), ["refs/*"]),
      fingerprintOf({ ...list(refs, head), objectFormat: "sha256" }, undefined),
    ];
    assert.equal(new Set([first, ...others]).size, 7);
  });
});

describe("patterns of refs", () => {
  const refs = ["refs/heads/a", "refs/heads/b/c", "refs/tags/v1", "refs/tags/v10", "refs/pull/1/head"].map((name) => ({
    oid: A,
    name,
  }));
  const kept = (...patterns: string[]) => refPatterns(patterns).keep(list(refs, { oid: A, target: "refs/heads/a" }));
  const names = (...patterns: string[]) => kept(...patterns).refs.map(({ name }) => name);

  test("take `*` for anything, `?` for one character, and the rest as it stands", () => {
    assert.deepEqual(names("refs/heads/*"), ["refs/heads/a", "refs/heads/b/c"]);
    assert.deepEqual(names("refs/tags/v?"), ["refs/tags/v1"]);
    assert.deepEqual(names("refs/*/head", "refs/tags/v1"), ["refs/pull/1/head", "refs/tags/v1"]);
    assert.deepEqual(names("refs/tags/v.*", "refs/heads/(a)"), []);
  });

  test("keep HEAD with the branch that it names, or when they name it", () => {
    assert.equal(kept("refs/heads/*").head.oid, A);
    assert.equal(kept("refs/tags/*").head.oid, undefined);
    assert.equal(kept("refs/tags/*", "HEAD").head.oid, A);
  });

  test("ask the server for no more than they need, and say what nothing matched", () => {
    const patterns = refPatterns(["refs/heads/*", "refs/tags/v1", "refs/né*"]);
    assert.deepEqual(patterns.prefixes, ["HEAD", "refs/heads/", "refs/tags/v1", "refs/n\xc3\xa9"]);
    assert.deepEqual(patterns.unmatched(list(refs)), ["refs/né*"]);
    assert.equal(refPatterns(undefined).prefixes, undefined);
  });

  test("match every name that is given as it is", () => {
    const name = fc.string({ unit: fc.constantFrom(..."abc.+()[]{}^$|\\/-é") }).map((text) => `refs/${text}`);
    fc.assert(
      fc.property(name, (text) => {
        const latin1 = Buffer.from(text).toString("latin1");
        const listing = { refs: [{ oid: A, name: latin1 }], head: none, objectFormat: "sha1" as const };
        assert.deepEqual(refPatterns([text]).keep(listing).refs, listing.refs);
      }),
    );
  });
});

describe("a redirect", () => {
  const to = (from: string, location: string): string => {
    try {
      return followed(from, location);
    } catch (error) {
      return error instanceof CodedError ? error.code : String(error);
    }
  };
  const cases: readonly [string, string, string][] = [
    ["https://e.org/a", "https://e.org/b.git/info/refs?service=git-upload-pack", "https://e.org/b.git"],
    ["https://e.org/a", "/b.git/info/refs?service=git-upload-pack", "https://e.org/b.git"],
    ["http://e.org/a", "https://e.org/a/info/refs?service=x", "https://e.org/a"],
    ["http://e.org:80/a", "https://e.org:443/a/info/refs", "https://e.org/a"],
    ["https://e.org/a", "http://e.org/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "https://e.org:8443/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "https://evil.org/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "//evil.org/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "https://e.org@evil.org/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "https://sub.e.org/a/info/refs", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "/login", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "http://[", "SOURCE_REDIRECTED"],
    ["https://e.org/a", "file:///a/info/refs", "SOURCE_REDIRECTED"],
  ];
  for (const [from, location, result] of cases) {
    test(`from ${from} to ${location} gives ${result}`, () => assert.equal(to(from, location), result));
  }
});

describe("the end of a program", () => {
  const judged = (program: string, code: number | null, stderr: string): unknown => {
    try {
      judgeProgram(program, "here", { code, signal: code === null ? "SIGKILL" : null, stderr });
      return undefined;
    } catch (error) {
      return error;
    }
  };

  test("is nothing when it was good, whatever it said", () => assert.equal(judged("git", 0, "warning: x"), undefined));

  const ends: readonly [string, number | null, string, string, boolean][] = [
    ["git", 128, "fatal: 'x' does not appear to be a git repository", "SOURCE_NOT_FOUND", false],
    ["git", 128, "fatal: detected dubious ownership in repository at '/x'", "SOURCE_FORBIDDEN", false],
    ["git", 128, "fatal: git upload-pack: not our ref abc", "SOURCE_UNAVAILABLE", true],
    ["git", 128, "fatal: something", "SOURCE_FAILED", false],
    ["git", null, "", "SOURCE_FAILED", false],
    ["ssh", 255, "Host key verification failed.", "SOURCE_FORBIDDEN", false],
    ["ssh", 255, "git@x: Permission denied (publickey).", "SOURCE_UNAUTHORIZED", false],
    ["ssh", 255, "ssh: Could not resolve hostname x", "SOURCE_UNAVAILABLE", true],
    ["ssh", 255, "Connection closed by 127.0.0.1", "SOURCE_UNAVAILABLE", true],
    ["ssh", 1, "ERROR: Repository not found.", "SOURCE_NOT_FOUND", false],
    ["ssh", 127, "sh: 1: git-upload-pack: not found", "SOURCE_FAILED", false],
  ];
  for (const [program, code, stderr, expected, retryable] of ends) {
    test(`${program} with ${code} and ${JSON.stringify(stderr)} is ${expected}`, () => {
      const error = judged(program, code, stderr);
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, expected);
      assert.equal(error instanceof TransientError, retryable);
    });
  }
});

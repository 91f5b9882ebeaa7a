import assert from "node:assert/strict";
import { test } from "node:test";
import type { CollectionInfo } from "../../../../lib/connectors/mongodb/listing.ts";
import { isServersOwn, selectCollections } from "../../../../lib/connectors/mongodb/selection.ts";
import { SourceError } from "../../../../lib/errors.ts";

const listed = (...names: readonly string[]): CollectionInfo[] =>
  names.map((name) => ({ name, type: "collection", options: undefined, uuid: undefined }));
const selected = (all: readonly CollectionInfo[], options: object, db = "app", usersAndRoles = false) =>
  selectCollections(all, { name: db, ...options }, usersAndRoles).collections.map(({ name }) => name);
const notFound = (message: RegExp) => (error: unknown) =>
  error instanceof SourceError && error.code === "SOURCE_NOT_FOUND" && message.test(error.message);

const ALL = listed("users", "events.2025", "events.2026", "system.views", "system.js", "system.buckets.m", "ünï cø.dé");

test("all collections are stored but the server's own", () => {
  assert.deepEqual(selected(ALL, {}), ["users", "events.2025", "events.2026", "system.js", "ünï cø.dé"]);
});

test("names and patterns choose, and others leave out", () => {
  assert.deepEqual(selected(ALL, { collections: ["users", "events.202?"] }), ["users", "events.2025", "events.2026"]);
  assert.deepEqual(selected(ALL, { collections: ["*"], exclude_collections: ["events.*", "system.js"] }), [
    "users",
    "ünï cø.dé",
  ]);
  assert.deepEqual(selected(ALL, { collections: ["ünï*"] }), ["ünï cø.dé"]);
});

test("a dot in a pattern is a dot, and case counts", () => {
  assert.deepEqual(selected(listed("aXb", "a.b", "A.b"), { collections: ["a.?"] }), ["a.b"]);
});

test("a name that is not there is a failure, also one that only has a query", () => {
  assert.throws(() => selected(ALL, { collections: ["users", "user"] }), notFound(/app has no collection user/));
  assert.throws(() => selected(ALL, { query: { gone: {} } }), notFound(/app has no collection gone/));
  assert.throws(() => selected(ALL, { collections: ["system.views"] }), notFound(/is the server's own/));
});

test("a pattern that matches nothing is told, and a failure when nothing else matches", () => {
  assert.deepEqual(selectCollections(ALL, { name: "app", collections: ["users", "log*"] }, false).unmatched, ["log*"]);
  assert.throws(() => selected(ALL, { collections: ["log*"] }), notFound(/no collection of app matches log\*/));
});

test("of admin and config only what means something on another server is stored", () => {
  const admin = listed("system.users", "system.roles", "system.version", "system.keys", "mine");
  assert.deepEqual(selected(admin, {}, "admin"), ["mine"]);
  assert.deepEqual(selected(admin, {}, "admin", true), ["system.users", "system.roles", "system.version", "mine"]);
  assert.deepEqual(selected(listed("chunks", "system.sessions", "transactions"), {}, "config"), ["chunks"]);
  assert.deepEqual(
    [isServersOwn("local"), isServersOwn("__mdb_internal_x"), isServersOwn("locals")],
    [true, true, false],
  );
});

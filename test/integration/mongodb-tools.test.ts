import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { BSON } from "mongodb";
import { bytesOf } from "../../lib/bytes.ts";
import type { RestorableUnit } from "../../lib/connectors/connector.ts";
import { archiveHead, preludeBytes } from "../../lib/connectors/mongodb/archive-format.ts";
import { mongodb } from "../../lib/connectors/mongodb/mongodb.ts";
import { CodedError, RefusedError, SourceError, TransientError } from "../../lib/errors.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import { never } from "../contract/connector.ts";
import { openMongodb } from "../support/mongo-connector.ts";
import { type ScriptedCollection, startScriptedMongo } from "../support/scripted-mongo.ts";
import { standInTool, type ToolBehaviour } from "../support/stand-in-tool.ts";

const CANARY = "c4n%61ry";
const AT = "2026-11-26T03:00:00.000+0000\t";
const collections: readonly ScriptedCollection[] = [
  {
    name: "a",
    documents: [1, 2, 3].map((n) => BSON.serialize({ _id: n })),
    indexes: [{ v: 2, key: { n: 1 }, name: "n_1" }],
  },
  { name: "b" },
];
const fails = (kind: new (...args: never[]) => Error, code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof kind && error instanceof CodedError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  assert.ok(!error.message.includes(CANARY));
  return true;
};

/** A server, what mongodump would write of it, and a URI with a password that the server does not ask for. */
async function aServer(more: readonly ScriptedCollection[] = []) {
  const server = await startScriptedMongo({ databases: { app: [...collections, ...more] } });
  await using reading = await openMongodb({
    uri: server.uri,
    databases: [{ name: "app", collections: ["a", "b"] }],
    dump_strategy: "driver",
  });
  const archive = (await reading.collect("app")).items[0]?.bytes ?? Buffer.alloc(0);
  // Sent to the stand-in, and to the scripted server, which knows no users: so the driver is given none.
  return { server, archive };
}

async function dumped(
  behaviour: (archive: Buffer) => ToolBehaviour,
  options: object = {},
  more: readonly ScriptedCollection[] = [],
) {
  const { server, archive } = await aServer(more);
  await using _ = server;
  await using tool = await standInTool("mongodump", behaviour(Buffer.from(archive)));
  await using opened = await openMongodb(
    { uri_env: "URI", dump_strategy: "mongodump", databases: ["app"], ...options },
    { URI: `${server.uri}/ignored?appName=${CANARY}` },
  );
  const { items } = await opened.collect("app");
  return { item: items[0], items, archive, calls: await tool.calls() };
}

describe("mongodump", () => {
  const good = (archive: Buffer): ToolBehaviour => ({
    stdout: archive,
    stderr: `${AT}done dumping app.a (3 documents)\n`,
  });

  test("what it writes is stored byte for byte, and its facts are what was parsed", async () => {
    const { item, archive } = await dumped(good);
    assert.ok(Buffer.from(item?.bytes ?? []).equals(archive));
    const { documents, strategy, collections: found } = item?.artifact.facts ?? {};
    assert.deepEqual([documents, strategy], [3, "mongodump"]);
    assert.deepEqual(found, [
      { name: "a", type: "collection", documents: 3, bytes: 42, indexes: 2, counted: [3, 3] },
      { name: "b", type: "collection", documents: 0, bytes: 0, indexes: 1, counted: [0, 0] },
    ]);
  });

  test("its URI is in no argument, no variable and no file that is left", async () => {
    const before = process.env.TMPDIR;
    const folder = await mkdtemp(path.join(tmpdir(), "watched-"));
    process.env.TMPDIR = folder;
    try {
      const { calls } = await dumped(good);
      const [call] = calls;
      assert.match(call?.config ?? "", new RegExp(`^uri: "mongodb://127.0.0.1:\\d+/\\?appName=${CANARY}"\n$`));
      assert.deepEqual(call?.args, ["--config=/dev/fd/3", "--archive", "--db=app"]);
      assert.ok(!JSON.stringify([call.args, call.env, call.processList]).includes(CANARY));
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      assert.deepEqual(await readdir(folder), []);
      await rm(folder, { recursive: true });
    }
  });

  test("it is told what to leave out, where to read, and whose users to store", async () => {
    const options = {
      databases: [{ name: "app", exclude_collections: ["cache_*"] }],
      read_preference: "secondary",
    };
    const { calls } = await dumped(good, options, [{ name: "cache_1" }, { name: "system.profile" }]);
    assert.deepEqual(calls[0]?.args.slice(2), [
      "--db=app",
      "--readPreference=secondary",
      "--excludeCollection=cache_1",
    ]);
  });

  test("an archive of nothing is a failure, although it ends well", async () => {
    const empty = preludeBytes(
      archiveHead({ concurrentCollections: 4, serverVersion: "7.0.12", toolVersion: "100.18.0" }),
      [],
    );
    await assert.rejects(
      dumped(() => ({ stdout: empty })),
      fails(TransientError, "SOURCE_UNAVAILABLE", /stored nothing of app\.a, app\.b, which the server lists/),
    );
  });

  test("no archive at all is a failure, although it ends well", async () => {
    await assert.rejects(
      dumped(() => ({})),
      fails(TransientError, "SOURCE_TRUNCATED", /ends too early/),
    );
  });

  test("an archive that is cut short or damaged is a failure, although it ends well", async () => {
    await assert.rejects(
      dumped((archive) => ({ stdout: archive.subarray(0, -30) })),
      fails(TransientError, "SOURCE_TRUNCATED", /ends too early/),
    );
    const damaged = (archive: Buffer) => {
      const at = archive.indexOf(Buffer.from("_id\0", "latin1"), archive.indexOf(Buffer.from("ffffffff", "hex"))) + 4;
      archive[at] = (archive[at] ?? 0) ^ 8;
      return { stdout: archive };
    };
    await assert.rejects(dumped(damaged), fails(SourceError, "SOURCE_CORRUPT", /CRC of app\.a/));
  });

  const ends: Readonly<
    Record<string, readonly [ToolBehaviour, typeof SourceError | typeof TransientError, string, RegExp]>
  > = {
    "a wrong password": [
      {
        code: 1,
        stderr: `${AT}Failed: can't create session: failed to connect to mongodb://h/: connection() error occurred during connection handshake: auth error: sasl conversation error: unable to authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.\n`,
      },
      SourceError,
      "SOURCE_UNAUTHORIZED",
      /ended with exit code 1: Failed: can't create session/,
    ],
    "a right that is lacking": [
      {
        code: 1,
        stderr: `${AT}writing app.a to archive on stdout\n${AT}Failed: error writing data for collection \`app.a\` to disk: error reading collection: (Unauthorized) not authorized on app to execute command { find: "a" }\n`,
      },
      SourceError,
      "SOURCE_FORBIDDEN",
      /Unauthorized/,
    ],
    "no server": [
      {
        code: 1,
        stderr: `${AT}Failed: can't create session: failed to connect to mongodb://h/: server selection error: server selection timeout\n`,
      },
      TransientError,
      "SOURCE_UNAVAILABLE",
      /server selection/,
    ],
    "a collection that is dropped": [
      {
        code: 1,
        stderr: `${AT}Failed: error writing data for collection \`app.a\` to disk: error reading collection: (QueryPlanKilled) collection dropped. UUID 1\n`,
      },
      TransientError,
      "SOURCE_UNAVAILABLE",
      /collection dropped/,
    ],
    "anything else": [
      { code: 1, stderr: `${AT}error parsing command line options: unknown option "x"\n` },
      SourceError,
      "SOURCE_FAILED",
      /unknown option/,
    ],
    "being killed": [{ signal: "SIGKILL" }, TransientError, "SOURCE_UNAVAILABLE", /was ended by SIGKILL/],
  };
  for (const [what, [behaviour, kind, code, message]] of Object.entries(ends)) {
    test(`${what} is understood, also behind a whole archive`, async () => {
      await assert.rejects(
        dumped((archive) => ({ ...behaviour, stdout: archive })),
        fails(kind, code, message),
      );
    });
  }

  test("it must be installed when it is asked for; auto and a query do without", async () => {
    const { server } = await aServer();
    await using _server = server;
    await using _path = await standInTool("mongodump");
    const strategyOf = async (options: object) => {
      await using opened = await openMongodb({ uri: server.uri, ...options });
      return (await opened.collect("app")).items[0]?.artifact.facts.strategy;
    };
    await assert.rejects(
      strategyOf({ dump_strategy: "mongodump" }),
      fails(SourceError, "SOURCE_FAILED", /mongodump is not installed/),
    );
    assert.equal(await strategyOf({}), "driver");
  });

  test("auto takes it for a large database where it is installed", async () => {
    const answer = ({ name }: { name: string }) => (name === "dbStats" ? { dataSize: 5 * 1024 ** 3 } : undefined);
    await using server = await startScriptedMongo({ databases: { app: collections }, answer });
    const { server: other, archive } = await aServer();
    await using _ = other;
    await using tool = await standInTool("mongodump", { stdout: archive });
    await using opened = await openMongodb({ uri: server.uri });
    assert.equal((await opened.collect("app")).items[0]?.artifact.facts.strategy, "mongodump");
    assert.equal((await tool.calls()).length, 1);
  });

  test("it is not given AWS credentials, which others could read in its environment", async () => {
    const { server } = await aServer();
    await using _server = server;
    await using _tool = await standInTool("mongodump", {});
    await using opened = await openMongodb({
      uri: `${server.uri}/?authMechanism=MONGODB-AWS&authSource=$external`,
      dump_strategy: "mongodump",
      databases: ["app"],
    });
    // The scripted server takes no logins, so the connection itself says no first.
    await assert.rejects(opened.collect("app"), CodedError);
  });
});

describe("mongorestore", () => {
  const done = `${AT}3 document(s) restored successfully. 0 document(s) failed to restore.\n`;

  async function restored(
    behaviour: ToolBehaviour | undefined,
    { force = false, present = [] as ScriptedCollection[] } = {},
  ) {
    const { server, archive } = await aServer();
    await using _source = server;
    await using collected = await openMongodb({ uri: server.uri, dump_strategy: "driver" });
    const { items } = await collected.collect("app");
    const facts = items[0]?.artifact.facts ?? {};
    const oplogDocument = Buffer.from(
      BSON.serialize({ ts: new BSON.Timestamp({ t: 1, i: 1 }), op: "n", ns: "", o: {} }),
    );
    const unit: RestorableUnit = {
      id: "app",
      artifacts: [
        {
          path: "app/app.archive",
          contentType: "application/x-mongodump-archive",
          facts,
          open: () => bytesOf(archive),
        },
        {
          path: "app/oplog.bson",
          contentType: "application/x-mongodb-oplog",
          facts: {},
          open: () => bytesOf(oplogDocument),
        },
      ],
    };
    await using target = await startScriptedMongo({ databases: { app: present } });
    await using tool = await standInTool("mongorestore", behaviour);
    const redaction = createRedaction();
    const secrets = createSecretResolver({
      env: { RESTORE_URI: `${target.uri}/?appName=${CANARY}` },
      redaction,
      signal: never(),
    });
    const [uriEnv] = mongodb.targets;
    const options = mongodb.options.parse({ uri_env: "X" });
    const result = await uriEnv?.restore(unit, "RESTORE_URI", options, {
      secrets,
      redaction,
      now: () => new Date(),
      force,
      signal: never(),
    });
    return { result, archive, oplogDocument, calls: await tool.calls() };
  }

  test("it gets the archive, then the oplog, and its URI by no argument and no variable", async () => {
    const { result, archive, oplogDocument, calls } = await restored({ stderr: done });
    assert.equal(calls.length, 2);
    assert.deepEqual(calls[0]?.args, ["--config=/dev/fd/3", "--archive"]);
    assert.ok(calls[0]?.stdin.equals(archive));
    assert.deepEqual(calls[1]?.args.slice(0, 2), ["--config=/dev/fd/3", "--oplogReplay"]);
    assert.ok(calls[1]?.oplog?.equals(oplogDocument));
    for (const { args, env, processList, config } of calls) {
      assert.ok(config.includes(CANARY));
      assert.ok(!JSON.stringify([args, env, processList]).includes(CANARY));
    }
    assert.match(result?.detail ?? "", /3 were stored; mongorestore: 3 document\(s\) restored successfully/);
  });

  test("a collection of the same name is in the way, unless forced", async () => {
    const present = [{ name: "a", documents: [BSON.serialize({ _id: 9 })] }];
    await assert.rejects(
      restored({ stderr: done }, { present }),
      fails(RefusedError, "REFUSED", /app has a there already/),
    );
    const { result } = await restored({ stderr: done }, { present, force: true });
    assert.equal(result?.facts.documents, 1);
  });

  test("documents that it could not restore are a failure, although it ends well", async () => {
    const stderr = `${AT}1 document(s) restored successfully. 2 document(s) failed to restore.\n`;
    await assert.rejects(restored({ stderr }), fails(SourceError, "SOURCE_INCOMPLETE", /2 document\(s\) failed/));
  });

  test("its own failure is told in its words, and that it is missing too", async () => {
    await assert.rejects(
      restored({ code: 1, stderr: `${AT}Failed: stream or file does not appear to be a mongodump archive\n` }),
      fails(SourceError, "SOURCE_FAILED", /does not appear to be/),
    );
    await assert.rejects(
      restored(undefined),
      fails(SourceError, "SOURCE_FAILED", /needs mongorestore .* which is not installed/),
    );
  });
});

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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
import { makeServerCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/files-source.ts";
import { documentsOf } from "../support/mongo-archive.ts";
import { openMongodb } from "../support/mongo-connector.ts";
import { type ScriptedCollection, startScriptedMongo } from "../support/scripted-mongo.ts";
import { scriptedOplog } from "../support/scripted-oplog.ts";
import { standInTool, type ToolBehaviour, type ToolCall } from "../support/stand-in-tool.ts";

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

/** A certificate of a server that is ours too, and how a job is given it. */
async function tlsIn(folder: string) {
  const certificate = await makeServerCertificate(folder);
  const [ca, own, key] = await Promise.all(
    [certificate.caFile, certificate.certFile, certificate.keyFile].map((file) => readFile(file, "utf8")),
  );
  return {
    certificate,
    options: { tls_ca_env: "CA", tls_certificate_key_env: "OURS" },
    env: { CA: `${ca}`, OURS: `${own}${key}` },
  };
}

/** A server, what mongodump would write of it, and a URI with a password that the server does not ask for. */
async function aServer(more: readonly ScriptedCollection[] = []) {
  const entry = { ts: new BSON.Timestamp({ t: 1, i: 1 }), op: "i", ns: "app.a", o: { _id: 4 } };
  const server = await startScriptedMongo({
    databases: { app: [...collections, ...more] },
    answer: scriptedOplog([BSON.serialize(entry)]),
  });
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
  const large = ({ name }: { name: string }) => (name === "dbStats" ? { dataSize: 5 * 1024 ** 3 } : undefined);
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

  test("authorities and a certificate reach it as the files that its URI names", async () => {
    await using folder = await temporaryFolder("mongodb-tools-");
    const { certificate, options, env } = await tlsIn(folder.path);
    const { server: plain, archive } = await aServer();
    await using _ = plain;
    await using server = await startScriptedMongo({ databases: { app: collections }, tls: certificate });
    await using tool = await standInTool("mongodump", { stdout: archive });
    await using opened = await openMongodb({ uri: server.uri, dump_strategy: "mongodump", ...options }, env);
    await opened.collect("app");
    assert.deepEqual((await tool.calls())[0]?.tls, [env.CA, env.OURS]);
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
    await using server = await startScriptedMongo({ databases: { app: collections }, answer: large });
    const { server: other, archive } = await aServer();
    await using _ = other;
    await using tool = await standInTool("mongodump", { stdout: archive });
    await using opened = await openMongodb({ uri: server.uri });
    assert.equal((await opened.collect("app")).items[0]?.artifact.facts.strategy, "mongodump");
    assert.equal((await tool.calls()).length, 1);
  });

  for (const [how, behaviour, code] of [
    ["fails", { code: 1, stderr: `${AT}Failed: unknown option` }, "SOURCE_FAILED"],
    ["lacks a right", { code: 1, stderr: `${AT}Failed: (Unauthorized) not authorized` }, "SOURCE_FORBIDDEN"],
    ["writes no archive", { stdout: Buffer.from("no archive") }, "SOURCE_CORRUPT"],
    ["is killed", { signal: "SIGKILL" }, "SOURCE_UNAVAILABLE"],
  ] as const) {
    test(`where it ${how}, auto has the driver read at the next attempt`, async () => {
      await using server = await startScriptedMongo({ databases: { app: collections }, answer: large });
      await using tool = await standInTool("mongodump", behaviour);
      await using opened = await openMongodb({ uri: server.uri });
      await assert.rejects(opened.collect("app"), fails(TransientError, code, /./));
      const { strategy, documents } = (await opened.collect("app")).items[0]?.artifact.facts ?? {};
      assert.deepEqual([strategy, documents, (await tool.calls()).length], ["driver", 3, 1]);
    });
  }

  test("where it is there and does not run, auto does without", async () => {
    await using server = await startScriptedMongo({ databases: { app: collections }, answer: large });
    await using _tool = await standInTool("mongodump", { version: 127 });
    await using auto = await openMongodb({ uri: server.uri });
    assert.equal((await auto.collect("app")).items[0]?.artifact.facts.strategy, "driver");
    await using asked = await openMongodb({ uri: server.uri, dump_strategy: "mongodump" });
    await assert.rejects(
      asked.collect("app"),
      fails(SourceError, "SOURCE_FAILED", /mongodump does not run \(mongodump ended with exit code 127\)/),
    );
  });

  test("it is not taken for a database with a dollar sign in a collection's name, which it would leave out", async () => {
    await using server = await startScriptedMongo({
      databases: { app: [...collections, { name: "a$b" }] },
      answer: large,
    });
    await using tool = await standInTool("mongodump", {});
    await using auto = await openMongodb({ uri: server.uri });
    const { strategy, collections: stored } = (await auto.collect("app")).items[0]?.artifact.facts ?? {};
    assert.deepEqual([strategy, (stored as unknown[]).length], ["driver", 3]);
    await using asked = await openMongodb({ uri: server.uri, dump_strategy: "mongodump" });
    await assert.rejects(
      asked.collect("app"),
      fails(SourceError, "SOURCE_FAILED", /app\.a\$b: mongodump stores no collection with \$ in its name/),
    );
    assert.ok((await tool.calls()).every(({ args }) => args.includes("--version")));
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
    { force = false, present = [] as ScriptedCollection[], options = {}, more = [] as ScriptedCollection[] } = {},
    tls?: Awaited<ReturnType<typeof tlsIn>>,
  ) {
    const { server } = await aServer(more);
    await using _source = server;
    await using collected = await openMongodb({ uri: server.uri, dump_strategy: "driver", ...options });
    const { items } = await collected.collect("app");
    const artifacts = items.map(({ artifact, bytes }) => ({ ...artifact, open: () => bytesOf(bytes) }));
    const unit: RestorableUnit = { id: "app", artifacts };
    await using target = await startScriptedMongo({
      databases: { app: present },
      ...(tls && { tls: tls.certificate }),
    });
    await using tool = await standInTool("mongorestore", behaviour);
    const redaction = createRedaction();
    const secrets = createSecretResolver({
      env: { RESTORE_URI: `${target.uri}/?appName=${CANARY}`, ...tls?.env },
      redaction,
      signal: never(),
    });
    const [uriEnv] = mongodb.targets;
    const result = await uriEnv?.restore(
      unit,
      "RESTORE_URI",
      mongodb.options.parse({ uri_env: "X", ...tls?.options }),
      {
        secrets,
        redaction,
        now: () => new Date(),
        force,
        signal: never(),
      },
    );
    return { result, items, calls: await tool.calls() };
  }

  const argsOf = (calls: readonly ToolCall[]) => calls.map(({ args }) => args.slice(1).join(" "));

  test("it gets the archive, and its URI by no argument and no variable", async () => {
    const { result, items, calls } = await restored({ stderr: done });
    assert.deepEqual(argsOf(calls), ["--archive"]);
    assert.ok(calls[0]?.stdin.equals(items[0]?.bytes ?? Buffer.alloc(0)));
    for (const { args, env, processList, config } of calls) {
      assert.equal(args[0], "--config=/dev/fd/3");
      assert.ok(config.includes(CANARY));
      assert.ok(!JSON.stringify([args, env, processList]).includes(CANARY));
    }
    assert.match(result?.detail ?? "", /3 were stored; mongorestore: 3 document\(s\) restored successfully/);
  });

  test("authorities and a certificate reach it as the files that its URI names", async () => {
    await using folder = await temporaryFolder("mongodb-tools-");
    const tls = await tlsIn(folder.path);
    const { calls } = await restored({ stderr: done }, {}, tls);
    assert.deepEqual(calls[0]?.tls, [tls.env.CA, tls.env.OURS]);
  });

  test("it replays the oplog before there are indexes, which it builds then", async () => {
    const { items, calls } = await restored({ stderr: done }, { options: { oplog: true } });
    assert.deepEqual(argsOf(calls), ["--noIndexRestore --archive", "--oplogReplay --archive"]);
    assert.ok(calls[1]?.stdin.equals(items[1]?.bytes ?? Buffer.alloc(0)));
    const collectionsIn = documentsOf(calls[1]?.stdin ?? Buffer.alloc(0));
    assert.deepEqual(
      [...collectionsIn].map(([name, { length }]) => [name, length]),
      [
        ["app.a", 0],
        ["app.b", 0],
        ["oplog", 1],
      ],
    );
  });

  test("it is told whose users to restore, and gives time series their indexes before the oplog, as it takes none that are there", async () => {
    const more: ScriptedCollection[] = [
      { name: "s*", type: "timeseries", options: { timeseries: { timeField: "t" } } },
      { name: "system.buckets.s*" },
      { name: "view", type: "view", options: { viewOn: "a", pipeline: [] } },
    ];
    const { items, calls } = await restored(
      { stderr: done },
      { more, options: { oplog: true, users_and_roles: true } },
    );
    assert.deepEqual(argsOf(calls), [
      "--noIndexRestore --restoreDbUsersAndRoles --db=app --nsExclude=app.s\\* --archive",
      "--nsInclude=app.s\\* --archive",
      "--oplogReplay --archive",
    ]);
    assert.deepEqual([...documentsOf(calls[2]?.stdin ?? Buffer.alloc(0)).keys()], ["app.a", "app.b", "oplog"]);
    const restoring = mongodb.next(items.map(({ artifact, item }) => ({ ...artifact, paths: [`app/${item.name}`] })));
    assert.deepEqual(restoring.slice(1), [
      "mongorestore --config=mongorestore.yml --noIndexRestore --restoreDbUsersAndRoles --db=app '--nsExclude=app.s\\*' --archive=app/app.archive",
      "mongorestore --config=mongorestore.yml '--nsInclude=app.s\\*' --archive=app/app.archive",
      "mongorestore --config=mongorestore.yml --oplogReplay --archive=app/app.oplog.archive",
    ]);
    assert.equal(items[0]?.item.restore.replaceAll("{}", "app/app.archive"), restoring.slice(1, 3).join(" && "));
    assert.equal(items[1]?.item.restore.replaceAll("{}", "app/app.oplog.archive"), restoring[3]);
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

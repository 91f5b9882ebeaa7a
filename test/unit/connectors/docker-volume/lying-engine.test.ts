import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dockerVolume } from "../../../../lib/connectors/docker-volume/docker-volume.ts";
import { type CodedError, SourceError, TransientError } from "../../../../lib/errors.ts";
import { collectAll, connect, context, never } from "../../../contract/connector.ts";
import { type FakeEngine, json, refuse, startFakeEngine, streams } from "../../../support/fake-engine.ts";
import { temporaryFolder } from "../../../support/files-source.ts";

const ARCHIVE = "GET /containers/helper/archive";

/** What the Engine would give for a volume with two files. */
async function anArchive(options: readonly string[] = []): Promise<Buffer> {
  await using folder = await temporaryFolder("fake-engine-tar-");
  await mkdir(join(folder.path, "v"));
  await writeFile(join(folder.path, "v/first"), "x".repeat(10_000));
  await writeFile(join(folder.path, "v/second"), "y".repeat(10_000));
  const { stdout, status } = spawnSync("tar", [
    "-C",
    join(folder.path, "v"),
    "--sort=name",
    ...options,
    "-cf",
    "-",
    ".",
  ]);
  assert.equal(status, 0);
  return stdout;
}

async function collect(engine: FakeEngine, options: object = {}) {
  const connector = await connect({ kind: dockerVolume }, { host: engine.host, volumes: "data", ...options });
  try {
    await connector.prepare(never());
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit !== undefined);
    return await collectAll(connector, unit, context());
  } finally {
    await connector.cleanup();
  }
}

function fails(engine: FakeEngine, kind: typeof CodedError, code: string, words: RegExp, options: object = {}) {
  return assert.rejects(collect(engine, options), (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}

test("an honest archive is taken, and the helper is removed", async () => {
  await using engine = await startFakeEngine();
  engine.answers[ARCHIVE] = streams(await anArchive());
  const collected = await collect(engine);
  assert.deepEqual(
    collected.map(({ item }) => item.name),
    ["volume.tar", "volume.json"],
  );
  assert.equal(collected[0]?.artifact.facts.entries, 3);
  assert.equal(engine.asked.filter((name) => name === "DELETE /containers/helper").length, 1);
});

test("an archive that ends early, though the Engine says that all is well, is truncated wherever it ends", async () => {
  await using engine = await startFakeEngine();
  const whole = await anArchive();
  // At a member's end too, where a plain reader of tar would see nothing wrong.
  for (const length of [0, 100, 512, 1_024, 11_264, whole.indexOf(Buffer.alloc(1_024)) + 512]) {
    engine.answers[ARCHIVE] = streams(whole.subarray(0, length));
    await fails(engine, TransientError, "SOURCE_TRUNCATED", /not whole/);
  }
  const { length } = engine.asked.filter((name) => name.startsWith("DELETE"));
  assert.equal(length, 6, "a helper was left");
});

test("a connection that breaks in mid-archive is no end", async () => {
  await using engine = await startFakeEngine();
  const whole = await anArchive();
  engine.answers[ARCHIVE] = (_, response) => {
    response.writeHead(200);
    response.write(whole.subarray(0, 5_000), () => response.destroy());
  };
  await fails(engine, TransientError, "SOURCE_TRUNCATED", /broke off/);
});

test("a body that is shorter or longer than its announced length is refused", async () => {
  await using engine = await startFakeEngine();
  const whole = await anArchive();
  engine.answers[ARCHIVE] = (_, response) => {
    response.writeHead(200, { "content-length": String(whole.length + 1) });
    response.write(whole, () => response.destroy());
  };
  await fails(engine, TransientError, "SOURCE_TRUNCATED", /broke off/);
  engine.answers[ARCHIVE] = (_, response) => {
    response.strictContentLength = false;
    response.writeHead(200, { "content-length": "5000" });
    response.end(whole);
  };
  await fails(engine, TransientError, "SOURCE_TRUNCATED", /not whole/);
});

test("garbage after the end of the archive, and a header that is none, are refused", async () => {
  await using engine = await startFakeEngine();
  const whole = await anArchive();
  engine.answers[ARCHIVE] = streams(Buffer.concat([whole, Buffer.alloc(512, 1)]));
  await fails(engine, TransientError, "SOURCE_TRUNCATED", /after the end/);
  engine.answers[ARCHIVE] = streams(Buffer.alloc(10_240, "no tar at all"));
  await fails(engine, TransientError, "SOURCE_TRUNCATED", /not octal/);
});

test("an answer of 500 fails the unit with the Engine's words; 503 is tried again", async () => {
  await using engine = await startFakeEngine();
  engine.answers[ARCHIVE] = refuse(500, "mount failed: stale file handle");
  await fails(engine, SourceError, "SOURCE_FAILED", /stale file handle/);
  engine.answers[ARCHIVE] = refuse(503, "busy");
  await fails(engine, TransientError, "SOURCE_UNAVAILABLE", /busy/);
  engine.answers["POST /containers/create"] = refuse(403, "authorization denied by plugin");
  await fails(engine, SourceError, "SOURCE_FORBIDDEN", /denied by plugin/);
});

test("a volume that is gone when its turn comes is not taken for the empty one that mounting it made", async () => {
  await using engine = await startFakeEngine();
  engine.answers[ARCHIVE] = streams(await anArchive());
  engine.answers["POST /containers/create"] = (request, response) => {
    engine.answers["GET /volumes/data"] = json({
      ...{ Name: "data", Driver: "local", Mountpoint: "/", Options: null },
      Labels: { "core-backup.owner": "us" },
    });
    json({ Id: "helper" }, 201)(request, response);
  };
  await fails(engine, SourceError, "SOURCE_NOT_FOUND", /removed/);
});

test("what listens and is no Engine, or one from another age, is told as such", async () => {
  await using engine = await startFakeEngine();
  engine.answers["GET /_ping"] = (_, response) => response.end("hello");
  await fails(engine, SourceError, "SOURCE_PROTOCOL", /no Docker Engine/);
  engine.answers["GET /_ping"] = (_, response) => response.setHeader("api-version", "1.24").end("OK");
  await fails(engine, SourceError, "SOURCE_PROTOCOL", /1\.25 is needed/);
  engine.answers["GET /_ping"] = (_, response) => response.setHeader("api-version", "1.99").end("OK");
  engine.answers["GET /volumes"] = json({ Volumes: "many" });
  await fails(engine, SourceError, "SOURCE_PROTOCOL", /otherwise than Docker does/);
});

test("numbers of users that are the machine's, under userns-remap, are stored as containers have them", async () => {
  await using engine = await startFakeEngine();
  const owned = ["--owner=root:100000", "--group=root:100007", "--numeric-owner"];
  engine.answers[ARCHIVE] = streams(await anArchive(owned));
  engine.answers["GET /info"] = json({
    SecurityOptions: ["name=userns"],
    DockerRootDir: "/var/lib/docker/100000.100000",
  });
  const [collected] = await collect(engine);
  const listed = spawnSync("tar", ["--numeric-owner", "-tvf", "-"], { input: collected?.bytes, encoding: "utf8" });
  assert.deepEqual(
    [...listed.stdout.matchAll(/ (\d+\/\d+) /g)].map((match) => match[1]),
    ["0/7", "0/7", "0/7"],
  );
});

test("a missing image is made of nothing, and nothing is pulled", async () => {
  await using engine = await startFakeEngine();
  engine.answers[ARCHIVE] = streams(await anArchive());
  const create = engine.answers["POST /containers/create"];
  engine.answers["POST /containers/create"] = refuse(404, "No such image: core-backup/empty:1");
  engine.answers["POST /images/create"] = (request, response) => {
    assert.match(request.url ?? "", /fromSrc=-/);
    if (create !== undefined) engine.answers["POST /containers/create"] = create;
    json({ status: "sha256:0" })(request, response);
  };
  assert.equal((await collect(engine)).length, 2);
});

test("a socket that is not there, or may not be opened, says what to do", async () => {
  await using folder = await temporaryFolder("no-engine-");
  const connector = await connect({ kind: dockerVolume }, { host: `unix://${folder.path}/none`, volumes: "all" });
  await assert.rejects(connector.prepare(never()), (error) => {
    assert.ok(error instanceof TransientError);
    assert.match(error.message, /no Docker Engine listens at .*DOCKER_HOST/);
    return true;
  });
});

import assert from "node:assert/strict";
import { access, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Facts } from "../../lib/connectors/connector.ts";
import { dockerVolume } from "../../lib/connectors/docker-volume/docker-volume.ts";
import { markedName } from "../../lib/connectors/docker-volume/hold/marker.ts";
import { SourceError } from "../../lib/errors.ts";
import { thisProcess } from "../../lib/process-identity.ts";
import { collectAll, connect, context, never } from "../contract/connector.ts";
import { configured, type Started, start, temporaryFolder } from "../e2e/core-backup.ts";
import { BUSYBOX_IMAGE, type DockerEngine, dockerMissing, startDockerEngine } from "../support/docker-engine.ts";

const WRITES = "while :; do echo x >> /data/log; /bin/busybox sleep 0.05; done";
const SLEEPS = "trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done";

describe("containers are held while a volume is read", { skip: dockerMissing() }, () => {
  let engine: DockerEngine;
  before(async () => {
    engine = await startDockerEngine();
  });
  after(() => engine[Symbol.asyncDispose]());

  async function collect(options: object, signal = never()) {
    const connector = await connect({ kind: dockerVolume }, { host: engine.host, ...options });
    const collecting = context(signal);
    try {
      await connector.prepare(signal);
      const facts: Facts[] = [];
      for await (const unit of connector.units(signal))
        for (const { artifact, item } of await collectAll(connector, unit, collecting))
          if (item.name === "volume.tar") facts.push(artifact.facts);
      return { facts, warnings: collecting.warnings };
    } finally {
      await connector.cleanup();
    }
  }

  /** Nothing of ours is left in the Engine. */
  async function assertClean() {
    assert.equal(await engine.docker("ps", "--all", "--quiet", "--filter", "label=core-backup.owner"), "");
  }

  async function remove(...names: readonly string[]) {
    await engine.docker("rm", "--force", ...names);
  }

  test("who writes is paused, for as long as the facts say, and goes on; who only reads, or sleeps elsewhere, is left alone", async () => {
    await engine.runs("writer", WRITES, "--volume", "app:/data");
    await engine.runs("reader", SLEEPS, "--volume", "app:/data:ro");
    // Its label is wrong, which is no concern of those who read another volume.
    const label = ["--label", "core-backup.consistency=pausse"];
    await engine.runs("other", SLEEPS, "--volume", "elsewhere:/data", ...label);
    const { value, events } = await withEvents(engine, () => collect({ volumes: "app", consistency: "pause" }));
    const { facts } = value;
    assert.deepEqual(Object.keys(Object(facts[0]?.held)), ["writer"]);
    assert.equal(held(facts[0], "writer").how, "pause");
    assert.ok(held(facts[0], "writer").ms >= 0);
    assert.deepEqual(events, ["pause writer", "unpause writer"]);
    for (const name of ["writer", "reader", "other"]) assert.equal(await engine.state(name), "running");
    await assertClean();
    await remove("writer", "reader", "other");
  });

  test("stopped are those that depend on others first, and started last; a label says otherwise of one", async () => {
    const labels = (service: string, needs: string) => [
      ...["--label", "com.docker.compose.project=shop", "--label", `com.docker.compose.service=${service}`],
      ...["--label", `com.docker.compose.depends_on=${needs}`],
    ];
    await engine.runs("a-web", SLEEPS, "--volume", "shop:/data", ...labels("web", "api:service_started:false"));
    await engine.runs("b-db", SLEEPS, "--volume", "shop:/data", ...labels("db", ""));
    await engine.runs("c-api", SLEEPS, "--volume", "shop:/data", ...labels("api", "db:service_started:false"));
    await engine.runs("d-cache", SLEEPS, "--volume", "shop:/data", "--label", "core-backup.consistency=pause");
    await engine.runs("e-log", SLEEPS, "--volume", "shop:/data", "--label", "core-backup.consistency=none");
    const { facts } = await collect({ volumes: "shop", consistency: "stop" });
    assert.deepEqual(Object.keys(Object(facts[0]?.held)).sort(), ["a-web", "b-db", "c-api", "d-cache"]);
    assert.equal(held(facts[0], "d-cache").how, "pause");
    const time = async (name: string, field: string) =>
      Date.parse(await engine.docker("inspect", "--format", `{{.State.${field}}}`, name));
    assert.ok((await time("a-web", "FinishedAt")) < (await time("c-api", "FinishedAt")));
    assert.ok((await time("c-api", "FinishedAt")) < (await time("b-db", "FinishedAt")));
    assert.ok((await time("b-db", "StartedAt")) < (await time("c-api", "StartedAt")));
    assert.ok((await time("c-api", "StartedAt")) < (await time("a-web", "StartedAt")));
    for (const name of ["a-web", "b-db", "c-api", "d-cache", "e-log"])
      assert.equal(await engine.state(name), "running");
    await assertClean();
    await remove("a-web", "b-db", "c-api", "d-cache", "e-log");
  });

  test("who lives in the network of a container that is stopped is stopped and started with it", async () => {
    await engine.runs("net-host", SLEEPS, "--volume", "net:/data");
    const guest = await engine.docker(
      ...["run", "--detach", "--name", "net-guest", "--network", "container:net-host", "--stop-timeout", "1"],
      ...["core-backup-test/busybox:1", "/bin/busybox", "sh", "-c", SLEEPS],
    );
    assert.ok(guest.length > 0);
    const { facts } = await collect({ volumes: "net", consistency: "stop" });
    assert.deepEqual(Object.keys(Object(facts[0]?.held)), ["net-host", "net-guest"]);
    for (const name of ["net-host", "net-guest"]) assert.equal(await engine.state(name), "running");
    await remove("net-guest", "net-host");
  });

  test("what somebody else paused or stopped stays so", async () => {
    await engine.runs("paused-by-hand", WRITES, "--volume", "byhand:/data");
    await engine.runs("stopped-by-hand", SLEEPS, "--volume", "byhand:/data");
    await engine.docker("pause", "paused-by-hand");
    await engine.docker("stop", "stopped-by-hand");
    const { facts } = await collect({ volumes: "byhand", consistency: "stop" });
    assert.equal(facts[0]?.held, undefined);
    assert.equal(await engine.state("paused-by-hand"), "paused");
    assert.equal(await engine.state("stopped-by-hand"), "exited");
    await remove("paused-by-hand", "stopped-by-hand");
  });

  test("a container that being stopped would remove is not stopped, and the unit says what to do", async () => {
    await engine.runs("fleeting", SLEEPS, "--rm", "--volume", "fleeting:/data");
    await assert.rejects(
      collect({ volumes: "fleeting", consistency: "stop" }),
      (error) => error instanceof SourceError && /--rm.*core-backup\.consistency=pause/.test(error.message),
    );
    assert.equal(await engine.state("fleeting"), "running");
    await assertClean();
    await remove("fleeting");
  });

  test("two volumes of one container are read one after the other, and nobody lets it go under the other's reading", async () => {
    await engine.runs("both", WRITES, "--volume", "one:/data", "--volume", "two:/more");
    const connector = await connect(
      { kind: dockerVolume },
      { host: engine.host, volumes: ["one", "two"], consistency: "pause" },
    );
    const units = await Array.fromAsync(connector.units(never()));
    const { events } = await withEvents(engine, () =>
      Promise.all(units.map((unit) => collectAll(connector, unit, context()))),
    );
    await connector.cleanup();
    assert.deepEqual(events, ["pause both", "unpause both", "pause both", "unpause both"]);
    assert.equal(await engine.state("both"), "running");
    await assertClean();
    await remove("both");
  });

  test("who has the volume's folder, or one around it, as a bind mount to write to is held too", async () => {
    await engine.docker("volume", "create", "around");
    const folder = await engine.folderOf("around");
    await engine.runs("inside", SLEEPS, "--volume", `${folder}:/data`);
    await engine.runs("outside", SLEEPS, "--volume", `${engine.folder}:/data`);
    await engine.runs("looks-on", SLEEPS, "--volume", `${engine.folder}:/data:ro`);
    await engine.runs("beside", SLEEPS, "--volume", `${folder}-beside:/data`);
    const { facts } = await collect({ volumes: "around", consistency: "pause" });
    assert.deepEqual(Object.keys(Object(facts[0]?.held)).sort(), ["inside", "outside"]);
    await remove("inside", "outside", "looks-on", "beside");
  });

  test("of one that was killed only what it held goes on, and not what somebody alive holds by now", async () => {
    const ids: Record<string, string> = {};
    for (const name of ["k-waited", "k-held", "k-taken"])
      ids[name] = await engine.runs(name, WRITES, "--volume", "k:/data");
    await engine.docker("pause", ...Object.keys(ids));
    const planned = Object.entries(ids).map(([name, id]) => ({ id, name, how: "pause" as const }));
    const until = new Date(Date.now() + 3_600_000);
    const { machine, pid, start: begun } = thisProcess();
    const leave = async (name: string, held: readonly string[], start: number) => {
      const marker = { until, held: planned.filter((hold) => held.includes(hold.name)) };
      await engine.docker(
        ...["create", "--name", markedName(name, planned, marker), "--network", "none"],
        ...["--label", `core-backup.owner=${machine}-${pid}-${start}`],
        ...["--label", `core-backup.holds=${JSON.stringify(planned)}`, BUSYBOX_IMAGE, "/none"],
      );
    };
    await leave("core-backup-1", ["k-held", "k-taken"], begun + 1);
    await leave("core-backup-2", ["k-taken"], begun);
    const connector = await connect({ kind: dockerVolume }, { host: engine.host, volumes: "k" });
    await connector.prepare(never());
    await connector.cleanup();
    for (const [name, state] of [
      ["k-waited", "paused"],
      ["k-held", "running"],
      ["k-taken", "paused"],
    ] as const)
      assert.equal(await engine.state(name), state, name);
    const left = await engine.docker("ps", "--all", "--format", "{{.Names}}", "--filter", "label=core-backup.owner");
    assert.match(left, /^core-backup-2\.[0-9a-z]+\.4$/);
    await remove(left, ...Object.keys(ids));
  });

  test("a container that ends while it is paused is told, and fails nothing", async () => {
    await engine.runs("doomed", WRITES, "--volume", "doomed:/data");
    await growZeros(engine, "doomed", 250);
    const killed = untilState(engine, "doomed", "paused").then(() => engine.docker("kill", "doomed"));
    const { warnings, facts } = await collect({ volumes: "doomed", consistency: "pause", read: "engine" });
    await killed;
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ["the container doomed ended while it was paused"],
    );
    assert.equal(held(facts[0], "doomed").how, "pause");
    assert.equal(await engine.state("doomed"), "exited");
    await assertClean();
    await remove("doomed");
  });

  test("what takes longer than hold_limit fails, and the containers go on", async () => {
    await engine.runs("patient", WRITES, "--volume", "huge:/data");
    await growZeros(engine, "huge", 50_000);
    await assert.rejects(
      collect({ volumes: "huge", consistency: "pause", hold_limit: "1s", read: "engine" }),
      (error) => error instanceof SourceError && error.code === "UNIT_TIMEOUT" && /patient/.test(error.message),
    );
    assert.equal(await engine.state("patient"), "running");
    await assertClean();
    await remove("patient");
  });

  test("commands are run in their container before and after, and one that fails fails the unit, after the second ran", async () => {
    await engine.runs("db", SLEEPS, "--volume", "db:/data");
    const run = (command: string) => [{ container: "db", command: ["/bin/busybox", "sh", "-c", command] }];
    const options = { volumes: "db", consistency: "pause" };
    await collect({
      ...options,
      exec_before: run("echo before > /data/dump"),
      exec_after: run("echo after >> /data/dump"),
    });
    const dump = join(await engine.folderOf("db"), "dump");
    assert.equal(await readFile(dump, "utf8"), "before\nafter\n");
    await assert.rejects(
      collect({
        ...options,
        exec_before: run("echo no such thing >&2; exit 3"),
        exec_after: run("echo again >> /data/dump"),
      }),
      (error) => error instanceof SourceError && /exit code 3: no such thing/.test(error.message),
    );
    assert.equal(await readFile(dump, "utf8"), "before\nafter\nagain\n");
    await assert.rejects(collect({ ...options, exec_after: run("exit 1") }), /exit code 1/);
    await assert.rejects(
      collect({ ...options, exec_before: [{ container: "nobody", command: ["x"] }] }),
      (error) => error instanceof SourceError && error.code === "SOURCE_NOT_FOUND",
    );
    await assertClean();
    await remove("db");
  });

  for (const how of ["pause", "stop"] as const) {
    const heldState = how === "pause" ? "paused" : "exited";

    test(`kill -9 while containers are held (${how}): the guard releases them, and touches nothing else`, async (t) => {
      const { config, bystanders } = await scene(t, how);
      const run = start(["run", "--config", config, "--quiet"]);
      await untilState(engine, "held", heldState);
      run.process.kill("SIGKILL");
      await run.ended;
      await untilState(engine, "held", "running");
      await untilClean();
      await bystanders();
    });

    test(`kill -9 between the commands before and after (${how}): the latter is run by the guard`, async (t) => {
      const touch = (file: string) => `{ container: held, command: [/bin/busybox, touch, /data/${file}] }`;
      const more = `, exec_before: [${touch("before")}], exec_after: [${touch("after")}]`;
      const { config } = await scene(t, how, more);
      const run = start(["run", "--config", config, "--quiet"]);
      await untilState(engine, "held", heldState);
      const root = await engine.folderOf("scene");
      await access(join(root, "before"));
      await assert.rejects(access(join(root, "after")));
      run.process.kill("SIGKILL");
      await run.ended;
      await untilState(engine, "held", "running");
      for (let polls = 0; polls < 400 && !(await readdir(root)).includes("after"); polls += 1) await delay(50);
      await access(join(root, "after"));
      await untilClean();
      for (const file of ["before", "after"]) await rm(join(root, file));
    });

    test(`kill -9 of the guard too (${how}): the next command releases them, and touches nothing else`, async (t) => {
      const { config, bystanders } = await scene(t, how);
      const run = start(["run", "--config", config, "--quiet"]);
      await untilState(engine, "held", heldState);
      const guards = await childrenOf(run);
      assert.equal(guards.length, 1);
      for (const pid of guards) process.kill(pid, "SIGKILL");
      run.process.kill("SIGKILL");
      await run.ended;
      await delay(500);
      assert.equal(await engine.state("held"), heldState);
      const next = await start(["plan", "--config", config, "--json"]).ended;
      assert.equal(next.code, 0, next.stderr);
      assert.equal(await engine.state("held"), "running");
      await assertClean();
      await bystanders();
    });
  }

  test("a run that is told to stop releases what it holds", async (t) => {
    const { config, bystanders } = await scene(t, "pause");
    const run = start(["run", "--config", config, "--quiet"]);
    await untilState(engine, "held", "paused");
    run.process.kill("SIGTERM");
    assert.equal((await run.ended).code, 143);
    assert.equal(await engine.state("held"), "running");
    await assertClean();
    await bystanders();
  });

  test("an Engine that ends in mid-archive fails the unit, and what was held is released once it is back", async (t) => {
    const { config } = await scene(t, "pause");
    const run = start(["run", "--config", config, "--quiet"]);
    await untilState(engine, "held", "paused");
    await engine.stop();
    await delay(300);
    await engine.start();
    const { code, stderr } = await run.ended;
    assert.notEqual(code, 0);
    assert.doesNotMatch(stderr, /INTERNAL/);
    const manifests: { status: string; units: { status: string }[] }[] = [];
    const store = join(config, "../store");
    for (const path of await readdir(store, { recursive: true }))
      if (path.endsWith("/manifest.json")) manifests.push(JSON.parse(await readFile(join(store, path), "utf8")));
    assert.deepEqual(
      manifests.map(({ status, units }) => [status, ...units.map((unit) => unit.status)]),
      [["failed", "failed"]],
    );
    // A container does not outlive its Engine here, or it runs again; it is never left paused.
    await untilClean();
    assert.notEqual(await engine.state("held"), "paused");
    await engine.docker("rm", "--force", "held");
  });

  /** A volume that takes seconds to read, the container that writes to it, and others that are none of our business. */
  async function scene(t: Parameters<typeof temporaryFolder>[0], how: "pause" | "stop", more = "") {
    await engine.runs("held", how === "stop" ? SLEEPS : WRITES, "--volume", "scene:/data");
    await engine.runs("by-paused", WRITES, "--volume", "elsewhere:/data");
    await engine.runs("by-stopped", SLEEPS, "--volume", "scene:/data");
    await engine.docker("pause", "by-paused");
    await engine.docker("stop", "by-stopped");
    await growZeros(engine, "scene", 8_000);
    t.after(() => remove("held", "by-paused", "by-stopped").catch(() => {}));
    const folder = await temporaryFolder(t);
    const yaml = [
      "jobs:",
      `  - { name: volumes, service: docker_volume, options: { host: "${engine.host}", volumes: scene, consistency: ${how}, read: engine${more} } }`,
      `storage: { local: { type: filesystem, base_path: "${join(folder, "store")}" } }`,
    ];
    const config = await configured(folder, yaml.join("\n"));
    return {
      config,
      async bystanders() {
        assert.equal(await engine.state("by-paused"), "paused");
        assert.equal(await engine.state("by-stopped"), "exited");
      },
    };
  }

  async function untilClean() {
    for (let polls = 0; polls < 200; polls += 1) {
      if ((await engine.docker("ps", "--all", "--quiet", "--filter", "label=core-backup.owner")) === "") return;
      await delay(50);
    }
    await assertClean();
  }
});

function held(facts: Facts | undefined, name: string): { how: string; ms: number } {
  const { how, ms } = Object(Object(facts?.held)[name]);
  return { how: String(how), ms: Number(ms) };
}

/** A sparse file: nothing on the disk, and a long archive. */
async function growZeros(engine: DockerEngine, volume: string, megabytes: number): Promise<void> {
  const path = join(await engine.folderOf(volume), "zeros");
  await writeFile(path, "");
  await truncate(path, megabytes * 1_000_000);
}

async function untilState(engine: DockerEngine, container: string, state: string): Promise<void> {
  for (let polls = 0; polls < 1_000; polls += 1) {
    if ((await engine.state(container)) === state) return;
    await delay(20);
  }
  throw new Error(`${container} is ${await engine.state(container)}, and not ${state}`);
}

/** What the Engine paused and let go while `work` was done, from its own books: `pause writer`. */
async function withEvents<T>(engine: DockerEngine, work: () => Promise<T>) {
  const moment = () => engine.docker("info", "--format", "{{.SystemTime}}");
  const since = await moment();
  const value = await work();
  const args = ["--since", since, "--until", await moment(), "--filter", "type=container"];
  const filters = ["--filter", "event=pause", "--filter", "event=unpause"];
  const format = ["--format", "{{.Action}} {{.Actor.Attributes.name}}"];
  const events = await engine.docker("events", ...args, ...filters, ...format);
  return { value, events: events.split("\n") };
}

async function childrenOf({ process: child }: Started): Promise<number[]> {
  const threads = await readdir(`/proc/${child.pid}/task`);
  const lists = await Promise.all(threads.map((id) => readFile(`/proc/${child.pid}/task/${id}/children`, "utf8")));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type DescribeExecutionOutput,
  GetExecutionHistoryCommand,
  RedriveExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { executionState } from "../../../lib/deployment/execution-state.ts";
import { coreBackup } from "../../e2e/core-backup.ts";
import { aBackup } from "../../support/a-backup.ts";
import { until } from "../../support/deployed-stack.ts";
import type { Call, Fault } from "../../support/faulty-cloud.ts";
import type { HeardEvent } from "../../support/heard-events.ts";
import { onceAgain, soonAgain, soonTried } from "../../support/machine-variants.ts";
import { noMinistack } from "../../support/s3-server.ts";
import { noSecondEngine } from "../../support/second-engine.ts";
import { type ServedRepositories, servedRepositories } from "../../support/served-repositories.ts";
import {
  type Definition,
  type Engine,
  type Given,
  outcomeOf,
  type TwoEngines,
  twoEngines,
} from "../../support/two-engines.ts";

/** A way through the machine: what happens to its calls, and how it then ends. */
interface Path {
  readonly title: string;
  readonly job: string;
  /** `before`: how many calls of that step this execution has made. */
  readonly fault?: (call: Call, before: number) => Fault | undefined;
  readonly given?: Given;
  readonly ends: string;
  /** Calls of functions and tasks, in order. */
  readonly calls: string;
  /** Of each unit: its status, what collected it, and its error's code. */
  readonly units: readonly string[];
  readonly outcome?: HeardEvent;
}

const DEATHS = ["Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError", "Lambda.Unknown"];
/** The second one takes 20 ms for each. */
const MANY = { MiniStack: 10_000, LocalStack: 300 } as const;
const THROTTLED = { do: "refuse", code: "TooManyRequestsException" } as const;
const BROKEN = { do: "die", error: "TypeError", message: "it is broken" } as const;
const TOO_SMALL = { do: "die", error: "MachineError", message: "SCRATCH_FULL: no space is left in /tmp" } as const;
const firstAsked = ({ step, payload }: Call) => step === "collect" && payload.ended === undefined;
const firstVerified = ({ step, payload }: Call) => step === "verify" && payload.do === "verify";
const partOne = ({ payload }: Call) => (payload.part as { n: number } | undefined)?.n === 1;
/** As a bucket that does not answer ends a step, after all that was tried within it. */
const STORAGE_DOWN = { do: "die", error: "TransientError", message: "S3 answers 503" } as const;

const PATHS: readonly Path[] = [
  {
    title: "all is good",
    job: "pair",
    ends: "SUCCEEDED",
    calls: "plan collect collect finish verify prune notify",
    units: ["ok lambda", "ok lambda"],
    outcome: { status: "ok", verified: true, proved: 2, removed: 0 },
  },
  {
    title: "a unit fails",
    job: "broken",
    ends: "BackupPartial",
    calls: "plan collect collect finish verify prune notify verdict",
    units: ["ok lambda", "failed lambda SOURCE_NOT_FOUND"],
    outcome: { status: "partial", verified: true },
  },
  {
    title: "a source puts a unit off twice",
    job: "single",
    fault: ({ step }, before) =>
      step === "collect" && before < 2
        ? { do: "answer", payload: { status: "deferred", resumeAt: new Date(Date.now() + 1000).toISOString() } }
        : undefined,
    ends: "SUCCEEDED",
    calls: "plan collect collect collect finish verify prune notify",
    units: ["ok lambda"],
  },
  {
    title: "a source puts off being listed: the plan is made later, and nobody is kept waiting",
    job: "single",
    fault: ({ step }, before) =>
      step === "plan" && before < 2
        ? { do: "answer", payload: { status: "deferred", resumeAt: new Date(Date.now() + 1000).toISOString() } }
        : undefined,
    ends: "SUCCEEDED",
    calls: "plan plan plan collect finish verify prune notify",
    units: ["ok lambda"],
    outcome: { status: "ok", verified: true },
  },
  {
    title: "functions run out of time and of memory, and die without a word: their units go on in tasks",
    job: "grows",
    fault: (call, before) =>
      firstAsked(call) ? { do: "die", error: DEATHS[before / 2] ?? "", message: "it is no more" } : undefined,
    ends: "SUCCEEDED",
    calls: `plan ${"collect task collect ".repeat(DEATHS.length)}finish verify prune notify`,
    units: DEATHS.map(() => "ok fargate"),
  },
  {
    title: "a function that does not answer within its state's time",
    job: "grown",
    given: {
      changed: ({ States }) => {
        const child = States.Collect?.ItemProcessor as { States: Record<string, Record<string, unknown>> };
        if (child.States.Unit !== undefined) child.States.Unit.TimeoutSeconds = 1;
      },
    },
    fault: (call) => (firstAsked(call) ? { do: "hang" } : undefined),
    ends: "SUCCEEDED",
    calls: "plan collect task collect finish verify prune notify",
    units: ["ok fargate"],
  },
  {
    title: "a function dies of its memory, and then its task does",
    job: "grown",
    // Few enough, were they of ASCII.
    given: { changed: ({ States }) => largeUnits(States, "\u{1F4BE}".repeat(400)) },
    fault: (call) => {
      if (call.step === "task") return { do: "exit", code: 137 };
      return firstAsked(call) ? { do: "die", error: "Runtime.OutOfMemory", message: "it is no more" } : undefined;
    },
    ends: "BackupFailed",
    calls: "plan collect task collect finish notify verdict",
    units: ["failed fargate UNIT_KILLED its task ended with exit code 137"],
    outcome: { status: "failed" },
  },
  {
    title: "a task is never started, and then it is",
    job: "grown",
    given: {
      changed: ({ States }) => {
        soonCollected(States);
        largeUnits(States, "f".repeat(1200));
      },
    },
    fault: (call, before) => {
      if (call.step === "task") return before < 2 ? { do: "unstarted" } : undefined;
      return firstAsked(call) ? { do: "die", error: "Runtime.OutOfMemory", message: "it is no more" } : undefined;
    },
    ends: "SUCCEEDED",
    calls: `plan ${"collect task ".repeat(3)}collect finish verify prune notify`,
    units: ["ok fargate"],
  },
  {
    title: "not even what became of a unit can be had",
    job: "pair",
    fault: ({ step, payload }) => (step === "collect" && /two\b/.test(JSON.stringify(payload)) ? BROKEN : undefined),
    ends: "BackupPartial",
    calls: "plan collect collect collect finish verify prune notify verdict",
    units: ["ok lambda", "failed lambda UNIT_LOST"],
  },
  {
    title: "functions are throttled for longer than anything else is tried again",
    job: "single",
    given: { changed: ({ States }) => soonTried(States) },
    fault: ({ step }, before) => (["collect", "finish"].includes(step) && before < 5 ? THROTTLED : undefined),
    ends: "SUCCEEDED",
    calls: `plan ${"collect ".repeat(6)}${"finish ".repeat(6)}verify prune notify`,
    units: ["ok lambda"],
  },
  {
    title: "finish is killed, and killed again",
    job: "single",
    given: { changed: ({ States }) => soonTried(States) },
    fault: ({ step }, before) =>
      step === "finish" && before < 2 ? { do: "die", error: "Runtime.ExitError", message: "it is no more" } : undefined,
    ends: "SUCCEEDED",
    calls: "plan collect finish finish finish verify prune notify",
    units: ["ok lambda"],
  },
  {
    title: "finish cannot be had",
    job: "single",
    fault: ({ step }) => (step === "finish" ? BROKEN : undefined),
    ends: "BackupFailed",
    calls: "plan collect finish notify verdict",
    units: [],
    outcome: { status: "failed", step: "finish", error: "TypeError" },
  },
  {
    title: "a stored byte is wrong",
    job: "single",
    fault: ({ step }) =>
      step === "verify" ? { do: "answer", payload: { status: "failed", verified: false, proved: 0 } } : undefined,
    ends: "BackupFailed",
    calls: "plan collect finish verify notify verdict",
    units: ["ok lambda"],
    outcome: { status: "failed", verified: false },
  },
  {
    title: "verifying takes too long for one function, and goes on in parts",
    job: "pair",
    fault: (call) =>
      firstVerified(call) ? { do: "die", error: "Sandbox.Timedout", message: "it is no more" } : undefined,
    ends: "SUCCEEDED",
    calls: "plan collect collect finish verify verify verify verify verify prune notify",
    units: ["ok lambda", "ok lambda"],
    outcome: { status: "ok", verified: true, proved: 2, removed: 0 },
  },
  {
    title: "a part of verifying takes too long for a function, and goes on in a task",
    job: "grown",
    fault: (call) =>
      firstVerified(call) || (call.step === "verify" && call.payload.part !== undefined)
        ? { do: "die", error: "Sandbox.Timedout", message: "it is no more" }
        : undefined,
    ends: "SUCCEEDED",
    calls: "plan collect finish verify verify verify task verify prune notify",
    units: ["ok lambda"],
    outcome: { status: "ok", verified: true, proved: 1 },
  },
  {
    title: "a function is too small for a part of verifying, and for all of it: it goes on in a task",
    job: "grown",
    fault: (call) =>
      firstVerified(call) || (call.step === "verify" && call.payload.part !== undefined) ? TOO_SMALL : undefined,
    ends: "SUCCEEDED",
    calls: "plan collect finish verify verify verify task verify prune notify",
    units: ["ok lambda"],
    outcome: { status: "ok", verified: true, proved: 1 },
  },
  {
    title: "a part of verifying is lost once, and done in the next round",
    job: "pair",
    given: { changed: ({ States }) => soonAgain(States) },
    fault: (call, before) => {
      if (firstVerified(call)) return { do: "die", error: "Runtime.OutOfMemory", message: "it is no more" };
      return partOne(call) && before === 3 ? BROKEN : undefined;
    },
    ends: "SUCCEEDED",
    calls: `plan collect collect finish ${"verify ".repeat(7)}prune notify`,
    units: ["ok lambda", "ok lambda"],
    outcome: { status: "ok", verified: true, proved: 2, removed: 0 },
  },
  {
    title: "a part of verifying cannot be had in any of three rounds",
    job: "pair",
    given: { changed: ({ States }) => soonAgain(States) },
    fault: (call) => {
      if (firstVerified(call)) return { do: "die", error: "Runtime.OutOfMemory", message: "it is no more" };
      return partOne(call) ? BROKEN : undefined;
    },
    ends: "BackupFailed",
    calls: `plan collect collect finish ${"verify ".repeat(9)}notify verdict`,
    units: ["ok lambda", "ok lambda"],
    outcome: { status: "failed", step: "verify", error: "CodedError" },
  },
  {
    title: "the list of parts cannot be read by the fan-out",
    job: "single",
    given: {
      changed: ({ States }) => {
        soonAgain(States);
        const reader = States.Parts?.ItemReader as { Arguments: Record<string, unknown> };
        reader.Arguments.Key = "absent.jsonl";
      },
    },
    fault: (call) =>
      firstVerified(call) ? { do: "die", error: "Runtime.OutOfMemory", message: "it is no more" } : undefined,
    ends: "BackupFailed",
    calls: `plan collect finish ${"verify ".repeat(5)}notify verdict`,
    units: ["ok lambda"],
    outcome: { status: "failed", step: "verify", error: "CodedError" },
  },
  {
    title: "the plan cannot be read by the fan-out at first",
    job: "single",
    given: {
      changed: ({ States }) => {
        soonTried(States);
        const reader = States.Collect?.ItemReader as { Arguments: Record<string, string> };
        const key = reader.Arguments.Key?.replace(/^\{%(.*)%\}$/, "$1");
        reader.Arguments.Key = `{% $states.context.State.RetryCount < 2 ? 'absent.jsonl' : (${key}) %}`;
      },
    },
    ends: "SUCCEEDED",
    calls: "plan collect finish verify prune notify",
    units: ["ok lambda"],
    outcome: { status: "ok" },
  },
  {
    title: "the plan cannot be read by the fan-out",
    job: "single",
    given: {
      changed: ({ States }) => {
        soonTried(States);
        const reader = States.Collect?.ItemReader as { Arguments: Record<string, unknown> };
        reader.Arguments.Key = "absent.jsonl";
      },
    },
    ends: "BackupFailed",
    calls: "plan finish notify verdict",
    units: ["failed lambda UNIT_LOST"],
    outcome: { status: "failed" },
  },
  {
    title: "the bucket is down for longer than anything is tried, until the end",
    job: "single",
    given: { changed: ({ States }) => onceAgain(States) },
    fault: ({ step }) => (["collect", "finish"].includes(step) ? STORAGE_DOWN : step === "notify" ? BROKEN : undefined),
    ends: "BackupFailed",
    calls: "plan collect collect collect collect finish finish notify verdict",
    units: [],
    outcome: { status: "failed", step: "finish", error: "TransientError" },
  },
  {
    title: "the bucket is down when a run begins",
    job: "single",
    given: { changed: ({ States }) => onceAgain(States) },
    fault: ({ step }) => (step === "plan" ? STORAGE_DOWN : undefined),
    ends: "BackupFailed",
    calls: "plan plan notify verdict",
    units: [],
    outcome: { status: "failed", step: "plan", error: "TransientError" },
  },
  {
    title: "notify is down",
    job: "single",
    fault: ({ step }) => (step === "notify" ? BROKEN : undefined),
    ends: "SUCCEEDED",
    calls: "plan collect finish verify prune notify",
    units: ["ok lambda"],
    outcome: { status: "ok" },
  },
  {
    // A variant that begins where a redriven execution does, and sees that it was redriven.
    title: "an execution that did not end well is redriven",
    job: "single",
    given: {
      changed: (definition) => {
        const outcome = { status: "failed", job: "single" };
        definition.States.Job = { ...definition.States.Job, Next: "Verdict" };
        Object.assign(definition.States.Job.Assign ?? {}, { outcome, redrives: -1 });
      },
    },
    ends: "SUCCEEDED",
    calls: "verdict plan collect finish verify prune notify",
    units: ["ok lambda"],
  },
];

describe("two engines run what is deployed", { skip: noMinistack || noSecondEngine }, () => {
  let served: ServedRepositories;
  let both: TwoEngines;

  before(async () => {
    served = await servedRepositories(["one.git", "two.git", "three.git", "four.git"]);
    both = await twoEngines(configuration(), { image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/tasks:1" });
  });

  after(async () => {
    for (const one of [both, served]) await one?.[Symbol.asyncDispose]();
  });

  test("outputs, manifests and what is announced are the same, of a first run and of one that finds nothing new", async () => {
    const told: unknown[] = [];
    for (const engine of both.engines) {
      await both.forget("pair");
      for (let run = 0; run < 2; run += 1) {
        const ended = await engine.execute("pair");
        assert.equal(ended.status, "SUCCEEDED", ended.cause);
        const { snapshot } = JSON.parse(ended.output ?? "{}");
        const manifest = await both.stack.manifestOf("pair", snapshot);
        const announced = await both.announced(ended.executionArn ?? "");
        told.push(lasting([JSON.parse(ended.output ?? "{}"), manifest, announced]));
      }
    }
    const [first, firstAgain, second, secondAgain] = told;
    assert.deepEqual(second, first);
    assert.deepEqual(secondAgain, firstAgain);
    assert.notDeepEqual(firstAgain, first);
  });

  for (const name of ["MiniStack", "LocalStack"] as const) {
    for (const path of PATHS) {
      test(`${path.title} (${name})`, async () => {
        await walk(engineOf(name), path);
      });
    }

    test(`plan is refused while another execution has the lease, and that one goes on (${name})`, async () => {
      const engine = engineOf(name);
      let release = () => {};
      const held = new Promise<undefined>((resolve) => {
        release = () => resolve(undefined);
      });
      const calls = watched("single", ({ step }) => (step === "collect" ? held : undefined));
      const first = await engine.start("single");
      await until(async () => calls().includes("collect"));
      // No step of it is at work. Functions ask MiniStack, which knows only its own executions; else the clock decides.
      if (name === "MiniStack") await both.neglectLease("single");
      const second = await engine.execute("single");
      assert.equal(second.status, "SUCCEEDED", second.cause);
      const { status, reason } = JSON.parse(second.output ?? "{}");
      assert.equal(status, "refused");
      assert.match(reason, /^job single is being worked on by/);
      release();
      assert.equal((await engine.ended(first)).status, "SUCCEEDED");
      assert.equal(calls(), "plan collect plan finish verify prune notify");
      if (name === "MiniStack") assert.deepEqual(await statesSeen(first), ["ended", "unknown"]);
    });

    test(`prune is refused: nothing is removed, and the run is announced as failed (${name})`, async () => {
      const engine = engineOf(name);
      await both.forget("kept");
      const config = join(served.folder, "keeps-all.yml");
      await writeFile(config, configuration().replace(/retention: \{[^}]*\}, /, ""));
      for (let run = 0; run < 2; run += 1) {
        const env = { ...both.stack.env, S3_BUCKET: both.stack.bucket };
        const ended = await coreBackup(["run", "--job", "kept", "--config", config], { env });
        assert.equal(ended.code, 0, ended.stderr);
      }
      const ended = await walk(
        engine,
        {
          title: "",
          job: "kept",
          ends: "BackupFailed",
          calls: "plan collect finish verify prune notify verdict",
          units: ["unchanged lambda"],
          outcome: { status: "failed", removed: 0 },
        },
        { keeping: true },
      );
      assert.match(String(outcomeOf(ended).refused), /max_removals/);
      const manifests = (await both.stack.keysBelow("backups/kept/")).filter((key) => key.endsWith("/manifest.json"));
      assert.equal(manifests.length, 3);
    });

    test(`stopped, it leaves what it had to the next execution, which collects what is missing alone (${name})`, async () => {
      const engine = engineOf(name);
      await both.forget("pair");
      let release = () => {};
      const held = new Promise<Fault>((resolve) => {
        release = () => resolve(BROKEN);
      });
      const calls = watched("pair", ({ step, payload }) =>
        step === "collect" && /two\b/.test(JSON.stringify(payload)) ? held : undefined,
      );
      const executionArn = await engine.start("pair");
      await until(async () => calls().endsWith("collect collect"));
      await engine.sfn.send(new StopExecutionCommand({ executionArn }));
      release();
      assert.equal((await engine.ended(executionArn)).status, "ABORTED");
      // As `core-backup stop` does at its end.
      await both.freeLease("pair");
      watched("pair");
      const seen = served.git.seen.length;
      const next = await engine.execute("pair");
      assert.equal(next.status, "SUCCEEDED", next.cause);
      const { snapshot } = JSON.parse(next.output ?? "{}");
      const manifest = await both.stack.manifestOf("pair", snapshot);
      assert.equal(manifest.resumedAt?.length, 1);
      const fetched = served.git.seen.slice(seen).filter(({ method }) => method === "POST");
      assert.deepEqual([...new Set(fetched.map(({ url }) => url.split("/")[1]))], ["two.git"]);
    });

    test(`${MANY[name]} units: each is one call, each part of verifying one, and what travels between states is as little as of ten (${name})`, async () => {
      const engine = engineOf(name);
      const sizes = [];
      for (const units of [10, MANY[name]]) {
        const snapshot = `2026-11-22T03${String(sizes.length).padStart(2, "0")}00Z`;
        const pointer = { job: "many", snapshot, run: "01KAVZ9V9Z0000000000000000", resumed: 0, lease: "held" };
        const planKey = `many/${snapshot.replace("T", "/")}/.run/plan.jsonl`;
        await both.store(`backups/${planKey}`, planOf(pointer.run, units));
        const partsKey = planKey.replace("plan.jsonl", "verify/parts.jsonl");
        const parts = units / 10;
        await both.store(`backups/${partsKey}`, partLines(parts));
        const totals = { units, ok: units, unchanged: 0, failed: 0, skipped: 0, artifacts: units, bytes: 0 };
        const answers: Readonly<Record<string, unknown>> = {
          plan: { pointer, planKey, units },
          collect: { status: "ok" },
          finish: { job: "many", snapshot, run: pointer.run, status: "ok", totals },
          verify: { partsKey, parts },
          part: null,
          conclude: { verified: true, proved: units },
          prune: { removed: 0 },
          notify: { told: 1, untold: 0, unmeasured: 0 },
        };
        const from = both.faulty.calls.length;
        both.faulty.fault = ({ step, payload }) => {
          const which = payload.part !== undefined ? "part" : payload.do === "conclude" ? "conclude" : step;
          return { do: "answer", payload: answers[which] };
        };
        const ended = await engine.execute("many", { changed: measuring });
        assert.equal(ended.status, "SUCCEEDED", ended.cause);
        const collected = both.faulty.calls.slice(from).filter(({ step }) => step === "collect");
        const lines = collected.map(({ payload }) => (payload.unit as { n: number }).n).sort((a, b) => a - b);
        assert.deepEqual(lines, [...Array(units).keys()]);
        const asked = both.faulty.calls.slice(from).flatMap(({ payload }) => (payload.part as { n: number })?.n ?? []);
        assert.deepEqual(
          asked.sort((a, b) => a - b),
          [...Array(parts).keys()],
        );
        const { events = [] } = await engine.sfn.send(
          new GetExecutionHistoryCommand({ executionArn: ended.executionArn, maxResults: 1000 }),
        );
        const texts = [...events, ...collected.map(({ payload }) => payload)].map((one) => JSON.stringify(one));
        const [, result = "none"] = /resultBytes[\\": ]+(\d+)/.exec(JSON.stringify(events)) ?? [];
        sizes.push({
          events: events.length,
          largest: Math.max(...texts.map(({ length }) => length)),
          result: Number(result) / units,
        });
      }
      const [few, many] = sizes;
      assert.ok(few !== undefined && many !== undefined);
      assert.equal(many.events, few.events);
      assert.ok(many.largest < 4096 && many.largest - few.largest < 64, JSON.stringify(sizes));
      // All children's answers are one array before the fan-out makes its output of them: 256 KiB are enough for 100,000.
      assert.ok(many.result * 100_000 < 256 * 1024, JSON.stringify(sizes));
    });
  }

  /** The emulator's redrive is ours, made from AWS's documentation (test/peers/ministack/redrive.py); the second engine has none. */
  describe("redriven", () => {
    async function redriven(executionArn: string, job: string) {
      const calls = watched(job);
      const seen = served.git.seen.length;
      const { sfn, ended } = engineOf("MiniStack");
      await sfn.send(new RedriveExecutionCommand({ executionArn }));
      const end = await ended(executionArn);
      assert.equal(end.status, "SUCCEEDED", end.cause);
      const fetched = served.git.seen.slice(seen).filter(({ method }) => method === "POST");
      const { snapshot } = JSON.parse(end.output ?? "{}");
      return {
        calls: calls(),
        fetched: [...new Set(fetched.map(({ url }) => url.split("/")[1]))],
        manifest: await both.stack.manifestOf(job, snapshot),
      };
    }

    /** Stopped while its second unit is collected, of which nothing was stored. */
    async function stopped(job: string): Promise<string> {
      await both.forget(job);
      const engine = engineOf("MiniStack");
      let release = () => {};
      const held = new Promise<Fault>((resolve) => {
        release = () => resolve(BROKEN);
      });
      const calls = watched(job, ({ step, payload }) =>
        step === "collect" && /two\b/.test(JSON.stringify(payload)) ? held : undefined,
      );
      const executionArn = await engine.start(job);
      await until(async () => calls().endsWith("collect collect"));
      await engine.sfn.send(new StopExecutionCommand({ executionArn }));
      release();
      assert.equal((await engine.ended(executionArn)).status, "ABORTED");
      return executionArn;
    }

    test("one that ended as partial begins again: what is missing is collected, and the rest taken over", async () => {
      await both.forget("pair");
      watched("pair", ({ step, payload }) =>
        step === "collect" && /two\b/.test(JSON.stringify(payload)) ? BROKEN : undefined,
      );
      const ended = await engineOf("MiniStack").execute("pair");
      assert.equal(ended.error, "BackupPartial");
      const { calls, manifest } = await redriven(ended.executionArn ?? "", "pair");
      assert.equal(calls, "verdict plan collect collect finish verify prune notify");
      assert.deepEqual(
        manifest.units.map(({ status }) => status),
        ["unchanged", "ok"],
      );
    });

    test("one that failed, redriven, and failed again can be redriven again", async () => {
      await both.forget("single");
      watched("single", ({ step }) => (step === "finish" ? BROKEN : undefined));
      const engine = engineOf("MiniStack");
      const { executionArn = "" } = await engine.execute("single");
      await engine.sfn.send(new RedriveExecutionCommand({ executionArn }));
      assert.equal((await engine.ended(executionArn)).error, "BackupFailed");
      const { calls, fetched, manifest } = await redriven(executionArn, "single");
      assert.equal(calls, "verdict plan collect finish verify prune notify");
      assert.deepEqual([fetched, manifest.resumedAt?.length], [[], 2]);
      const { runs } = JSON.parse((await both.stack.object("backups/single/.metrics.json")).toString());
      assert.deepEqual(runs, { failed: 2, ok: 1 }, "each end counts");
    });

    test("one that was stopped goes on in its fan-out, with the units that had not ended", async () => {
      const { calls, fetched, manifest } = await redriven(await stopped("pair"), "pair");
      assert.equal(calls, "collect finish verify prune notify");
      assert.deepEqual([fetched, manifest.status, manifest.resumedAt], [["two.git"], "ok", undefined]);
    });

    test("one that was stopped, was redriven and ends as partial has ended so, and no run begins by itself", async () => {
      const executionArn = await stopped("pair");
      const calls = watched("pair", ({ step, payload }) =>
        step === "collect" && /two\b/.test(JSON.stringify(payload)) ? BROKEN : undefined,
      );
      const engine = engineOf("MiniStack");
      await engine.sfn.send(new RedriveExecutionCommand({ executionArn }));
      assert.equal((await engine.ended(executionArn)).error, "BackupPartial");
      assert.equal(calls().replace(/(collect )+/, "collect "), "collect finish verify prune notify verdict");
      assert.equal((await redriven(executionArn, "pair")).calls.split(" ")[1], "plan");
    });

    test("one that was redriven while another run goes on has not ended well", async () => {
      await both.forget("single");
      watched("single", ({ step }) => (step === "finish" ? BROKEN : undefined));
      const engine = engineOf("MiniStack");
      const { executionArn = "" } = await engine.execute("single");
      let release = () => {};
      const held = new Promise<undefined>((resolve) => {
        release = () => resolve(undefined);
      });
      const calls = watched("single", ({ step }) => (step === "collect" ? held : undefined));
      const other = await engine.start("single");
      await until(async () => calls().endsWith("collect"));
      await engine.sfn.send(new RedriveExecutionCommand({ executionArn }));
      const ended = await engine.ended(executionArn);
      release();
      assert.equal(ended.error, "BackupFailed");
      assert.match(ended.cause ?? "", /being worked on/);
      assert.equal((await engine.ended(other)).status, "SUCCEEDED");
    });

    test("one that was stopped and whose lease was given back begins again, and collects what is missing alone", async () => {
      const executionArn = await stopped("pair");
      await both.freeLease("pair");
      const { calls, fetched, manifest } = await redriven(executionArn, "pair");
      assert.equal(calls, "collect finish plan collect collect finish verify prune notify");
      assert.deepEqual([fetched, manifest.status, manifest.resumedAt?.length], [["two.git"], "ok", 1]);
    });

    test("one that ended well, or still runs, cannot be redriven", async () => {
      await both.forget("single");
      watched("single");
      const engine = engineOf("MiniStack");
      const { executionArn } = await engine.execute("single");
      await assert.rejects(engine.sfn.send(new RedriveExecutionCommand({ executionArn })), {
        name: "ExecutionNotRedrivable",
      });
    });
  });

  const engineOf = (name: string): Engine => {
    const found = both.engines.find((engine) => engine.name === name);
    assert.ok(found);
    return found;
  };

  /** What Plan is told of an execution, and of one that there is not. */
  async function statesSeen(execution: string): Promise<readonly string[]> {
    Object.assign(process.env, both.stack.env);
    const { backup } = aBackup();
    return [await executionState(backup, execution), await executionState(backup, `${execution}-other`)];
  }

  /** From now on: what happens to the calls of a job's executions. Answers which there were. */
  function watched(
    job: string,
    fault: (call: Call, before: number) => ReturnType<TwoEngines["faulty"]["fault"]> = () => undefined,
  ): () => string {
    const from = both.faulty.calls.length;
    const made = () => both.faulty.calls.slice(from).filter((call) => call.job === job);
    both.faulty.fault = (call) => fault(call, made().filter(({ step }) => step === call.step).length - 1);
    return () =>
      made()
        .map(({ step }) => step)
        .join(" ");
  }

  async function walk(engine: Engine, path: Path, { keeping = false } = {}): Promise<DescribeExecutionOutput> {
    if (!keeping) await both.forget(path.job);
    const from = both.faulty.calls.length;
    const calls = watched(path.job, path.fault);
    const ended = await engine.execute(path.job, path.given);
    assert.equal(ended.status === "FAILED" ? ended.error : ended.status, path.ends, ended.cause);
    assert.equal(calls(), path.calls);
    checkTasks(both.faulty.calls.slice(from));
    const announced = await both.announced(ended.executionArn ?? "");
    const { execution: _, ...detail } = announced;
    assert.deepEqual(detail, outcomeOf(ended));
    for (const [field, value] of Object.entries(path.outcome ?? {})) assert.equal(detail[field], value, field);
    if (path.units.length > 0) {
      const { units } = await both.stack.manifestOf(path.job, String(detail.snapshot));
      const said = units.map(({ status, compute, error }) =>
        [status, compute, error?.code, error?.code === "UNIT_KILLED" ? error.message : undefined]
          .filter((one) => one !== undefined)
          .join(" "),
      );
      assert.deepEqual(said, path.units);
    }
    return ended;
  }

  function configuration(): string {
    const job = (name: string, names: readonly string[], more: string) =>
      `  - { name: ${name}, service: git, concurrency: 1, ${more}, options: { repositories: ${served.listed(names)} } }`;
    return [
      "jobs:",
      job("pair", ["one.git", "two.git"], "compute: lambda"),
      job("broken", ["one.git", "absent.git"], "compute: lambda"),
      job("single", ["one.git"], "compute: lambda"),
      job("grows", ["one.git", "two.git", "three.git", "four.git"], "compute: auto"),
      job("grown", ["one.git"], "compute: auto"),
      job("many", ["one.git"], "compute: lambda"),
      job("kept", ["one.git"], "retention: { keep_last: 1, max_removals: 1 }, compute: lambda"),
      "storage:",
      "  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/, path_style: true }",
      "metrics: {}",
      "",
    ].join("\n");
  }
});

/** Says at the fan-out's end how large the array of its children's outputs was. */
function measuring({ States }: Definition): void {
  Object.assign(States.Collect ?? {}, {
    MaxConcurrency: 20,
    Output: "{% {'resultBytes': $length($string($states.result))} %}",
  });
}

/** A task is given the unit that its function was, but for one that is too large for that. */
function checkTasks(calls: readonly Call[]): void {
  for (const [at, { step, payload }] of calls.entries()) {
    if (step !== "task" || payload.n === undefined) continue;
    const unit = calls.slice(0, at).findLast((call) => call.step === "collect")?.payload.unit;
    const text = JSON.stringify(unit);
    const most = /[^ -~]/.test(text) ? 550 : 1200;
    assert.deepEqual(payload.unit, [...text].length <= most ? unit : undefined);
  }
}

/** Units of more than a task can be given, with that fingerprint. */
function largeUnits({ Collect }: Definition["States"], fingerprint: string): void {
  const unit = `{% $merge([$states.context.Map.Item.Value, {'fingerprint': '${fingerprint}'}]) %}`;
  Object.assign(Collect?.ItemSelector ?? {}, { unit });
}

/** What was put off is collected a second later. */
function soonCollected({ Collect }: Definition["States"]): void {
  const child = Collect?.ItemProcessor as Definition | undefined;
  const { Timestamp: _, ...wait } = child?.States.Wait ?? {};
  if (child !== undefined) child.States.Wait = { ...wait, Seconds: 1 };
}

const partLines = (parts: number): string =>
  Array.from({ length: parts }, (_, n) => `${JSON.stringify({ n, compute: "lambda" })}\n`).join("");

const planOf = (run: string, units: number): string =>
  Array.from(
    { length: units },
    (_, n) => `${JSON.stringify({ n, run, id: `my-org/repository-${n}`, compute: "lambda", input: {} })}\n`,
  ).join("");

const PASSING = /^(snapshot|reusedFrom|run|previous|execution|durationMs|.*At)$/;

/** Without times, and ids made of them. */
function lasting(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lasting);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !PASSING.test(key));
  return Object.fromEntries(kept.map(([key, one]) => [key, lasting(one)]));
}

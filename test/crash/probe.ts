import "./no-waiting.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { startVersitygw } from "../support/s3-server.ts";
import { described, injectFaults, plannedFaults } from "./fault-run.ts";
import { type Invariant, violation } from "./invariants.ts";
import { boundariesOf, flipAtEach, killAtEach } from "./kill-run.ts";
import { onS3 } from "./s3-store.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { steadily } from "./steady-run.ts";
import { inMemory, onFilesystem } from "./stores.ts";
import { suspendAtEach, suspendable } from "./suspend-run.ts";
import { added, newTally, note, type Tally } from "./tally.ts";

/** A small part of a harness. `only` is a regular expression over what it describes: boundaries, faults. */
export type Probe =
  | { readonly harness: "kills" | "flips"; readonly scenario: string; readonly only: string }
  /** `on`: elsewhere than on a filesystem. */
  | { readonly harness: "suspends"; readonly scenario: string; readonly only: string; readonly on?: "S3" }
  /** `atBytes`: where a bit turns over, each in turn. */
  | {
      readonly harness: "faults";
      readonly scenario: string;
      readonly only: string;
      readonly atBytes?: readonly number[];
    }
  | { readonly harness: "steady" }
  /** Tests by their title, of what no kill and no fault comes to. */
  | {
      readonly harness: "tests";
      readonly file: string;
      readonly title: string;
      readonly shows: Invariant;
      readonly on?: "S3";
    };

const BIG_BYTES = 5_000;

/** Run as a program: a Probe as JSON in argv, its Tally as JSON on stdout. */
if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await probe(JSON.parse(process.argv[2] ?? ""))));
}

export async function probe(what: Probe): Promise<Tally> {
  if (what.harness === "tests") return titled(what);
  if (what.harness === "steady") return steadily();
  const source = sourceOf({ bigBytes: BIG_BYTES });
  const scenario = (await scenarios(source)).find(({ name }) => name === what.scenario);
  if (scenario === undefined) throw new Error(`no scenario is called ${what.scenario}`);
  const only = new RegExp(what.only);
  if (what.harness === "faults") {
    const planned = await plannedFaults(inMemory, scenario, source);
    const chosen = some(planned.filter((fault) => only.test(described(fault))));
    const tallies: Tally[] = [];
    for (const atByte of what.atBytes ?? [undefined])
      tallies.push(await injectFaults(inMemory, scenario, source, chosen, atByte));
    return added(tallies);
  }
  if (what.harness === "suspends") {
    await using server = what.on === "S3" ? await startVersitygw() : undefined;
    const kind = server === undefined ? onFilesystem : onS3(server);
    const stops = await suspendable(kind, scenario, BIG_BYTES);
    const chosen = stops.flatMap((text, index) => (only.test(text) ? [index + 1] : []));
    return await suspendAtEach(kind, scenario, BIG_BYTES, some(chosen));
  }
  const boundaries = await boundariesOf(onFilesystem, scenario, BIG_BYTES);
  const points = boundaries.flatMap((text, index) => (only.test(text) ? [index + 1] : []));
  if (what.harness === "flips") return flipAtEach(scenario, BIG_BYTES, some(points));
  return killAtEach(onFilesystem, scenario, BIG_BYTES, some(points));
}

async function titled({ file, title, shows }: Extract<Probe, { harness: "tests" }>): Promise<Tally> {
  const tally = newTally();
  const path = join(import.meta.dirname, "../..", file);
  const args = ["--test", "--test-reporter=tap", `--test-name-pattern=^${title}`, path];
  // Else the runner would take itself for one file of another one, and say nothing by its exit code.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const tests = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const [printed, [code]] = await Promise.all([text(tests.stdout), once(tests, "exit")]);
  some([...printed.matchAll(/^# (pass|fail) [1-9]/gm)]);
  if (code !== 0) note(tally, `${file}, ${title}`, [violation(shows, printed)]);
  tally.runs += 1;
  return tally;
}

/** A pattern that fits nothing would let every mutation live. */
function some<T>(found: readonly T[]): readonly T[] {
  if (found.length === 0) throw new Error("the probe's pattern fits nothing");
  return found;
}

import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { newCoverage } from "./soak-coverage.ts";
import type { SoakNews, SoakTask } from "./soak-worker.ts";
import { findingLines, summary } from "./tally.ts";

/**
 * The long form. `npm run soak -- --whole` goes once through the complete enumeration, however long it takes; `--share 1/4` takes
 * one part of four of it. `npm run soak -- --minutes 60` goes round through it in another order and with other sizes and days each
 * time, until the time is up. `--seed` does a round again that found something; `--rounds` ends after so many. Each
 * promises 10,000 faults (a share its part of them, rounds none), or as many as `--least` says, and fails with fewer. A process for each
 * processor. Ended before its time (Ctrl-C) it says what it had done.
 */
const { values } = parseArgs({
  options: {
    whole: { type: "boolean", default: false },
    minutes: { type: "string" },
    seed: { type: "string" },
    rounds: { type: "string" },
    share: { type: "string", default: "1/1" },
    least: { type: "string" },
  },
});
const LEAST_FAULTS = 10_000;
const MINUTES = 60;
const TELL_EVERY_MS = 60_000;

const { whole } = values;
const [part = 1, parts = 1] = values.share.split("/").map(Number);
const workers = availableParallelism();
const seed = Number(values.seed ?? (whole ? 1 : Math.floor(Math.random() * 1e9)));
const rounds = whole ? 1 : Number(values.rounds ?? Number.MAX_SAFE_INTEGER);
const minutes = values.minutes ?? (whole || values.rounds !== undefined ? undefined : MINUTES);
const lasts = minutes === undefined ? {} : { lastsMs: Number(minutes) * 60_000 };
const least = Number(values.least ?? (values.rounds === undefined ? Math.ceil(LEAST_FAULTS / parts) : 0));
if (![part, parts, seed, rounds, least, lasts.lastsMs ?? 0].every(Number.isFinite) || part < 1 || part > parts)
  throw new Error("usage: --whole | --minutes N | --rounds N, --seed N, --share 1/4, --least N");

const withoutS3 = noVersitygw === false ? undefined : noVersitygw;
if (withoutS3 !== undefined) console.log(`without S3: ${withoutS3}`);
await using server = withoutS3 === undefined ? await startVersitygw() : undefined;
const access = server && { endpoint: server.endpoint, region: server.region, credentials: server.credentials };

const coverage = newCoverage();
const undone: string[] = [];
let toldAt = Date.now();
console.log(`--seed ${seed}, ${least} faults promised`);

const children = Array.from({ length: workers }, (_, n) => {
  const child = fork(join(import.meta.dirname, "soak-worker.ts"));
  child.on("message", (news: SoakNews) => hear(news));
  const task: SoakTask = {
    ...{ server: access, seed, whole, rounds, ...lasts },
    ...{ share: (part - 1) * workers + n, of: parts * workers },
  };
  child.send(task);
  return child;
});
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    console.log("ending: what is under way is still done");
    for (const child of children) if (child.connected) child.send("end");
  });
for (const [code, signal] of await Promise.all(children.map((child) => once(child, "exit"))))
  if (code !== 0) undone.push(`a process of the harness ended with ${code ?? signal}`);

console.log(findingLines(coverage.total().findings, 100).join("\n"));
console.log(coverage.lines().join("\n"));
const broken = [...undone, ...coverage.broken({ least, whole, withoutS3 })];
for (const line of broken) console.log(`FAILED: ${line}`);
process.exitCode = broken.length > 0 ? 1 : 0;

function hear(news: SoakNews): void {
  if ("planned" in news) coverage.plan(news.planned);
  else if ("error" in news) {
    undone.push(`a piece could not be done: ${news.kind}: ${news.error}`);
    console.log(undone.at(-1));
  } else {
    coverage.add(news.kind, news.tally);
    for (const line of findingLines(news.tally.findings)) console.log(line);
    if (Date.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = Date.now();
    console.log(summary(coverage.total()));
  }
}

import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import type { SoakNews, SoakTask } from "./soak-worker.ts";
import { added, findingLines, newTally, summary, type Tally } from "./tally.ts";

/**
 * The long form. `npm run soak -- --whole` goes once through the complete enumeration, however long it takes, and fails
 * when that was fewer than 10,000 faults, or without S3; `--share 1/4` takes one part of four of it. `npm run soak -- --minutes 60` goes round
 * through it in another order and with other sizes and days each time, until the time is up. `--seed` does a round again that found
 * something; `--rounds` ends after so many. A process for each processor. Ended before its time (Ctrl-C) it says what it had done.
 */
const { values } = parseArgs({
  options: {
    whole: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    rounds: { type: "string" },
    share: { type: "string", default: "1/1" },
  },
});
const LEAST_FAULTS = 10_000;
const TELL_EVERY_MS = 60_000;

const [part = 1, parts = 1] = values.share.split("/").map(Number);
const workers = availableParallelism();
const seed = Number(values.seed ?? (values.whole ? 1 : Math.floor(Math.random() * 1e9)));
const rounds = values.whole ? 1 : Number(values.rounds ?? Number.MAX_SAFE_INTEGER);
const lasts = values.whole ? {} : { lastsMs: Number(values.minutes) * 60_000 };
if (![part, parts, seed, rounds, lasts.lastsMs ?? 0].every(Number.isFinite) || part < 1 || part > parts)
  throw new Error("usage: --whole | --minutes N | --rounds N, --seed N, --share 1/4");

const isWithoutS3 = noVersitygw !== false;
if (isWithoutS3) console.log(`without S3: ${noVersitygw}`);
await using server = noVersitygw === false ? await startVersitygw() : undefined;
const access = server && { endpoint: server.endpoint, region: server.region, credentials: server.credentials };

let total = newTally();
let unfinished = 0;
let toldAt = Date.now();
const shares = new Map<string, { done: number; planned: number }>();
console.log(`--seed ${seed}`);

const children = Array.from({ length: workers }, (_, n) => {
  const child = fork(join(import.meta.dirname, "soak-worker.ts"));
  child.on("message", (news: SoakNews) => hear(news));
  const task: SoakTask = {
    ...{ server: access, seed, whole: values.whole, rounds, ...lasts },
    ...{ share: (part - 1) * workers + n, of: parts * workers },
  };
  child.send(task);
  return child;
});
let isEnded = false;
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    isEnded = true;
    console.log("ending: what is under way is still done");
    for (const child of children) if (child.connected) child.send("end");
  });
for (const [code, signal] of await Promise.all(children.map((child) => once(child, "exit"))))
  if (code !== 0) fail("the harness", `a process of it ended with ${code ?? signal}`);

console.log(findingLines(total.findings, 100).join("\n"));
for (const [kind, { done, planned }] of shares) console.log(`${kind}: ${done} of ${planned} pieces`);
console.log(summary(total));
const isShort = values.whole && parts === 1 && (isEnded || total.faults < LEAST_FAULTS);
if (isShort) console.log(`not the whole, or fewer than ${LEAST_FAULTS} faults`);
const lacksS3 = values.whole && isWithoutS3;
if (lacksS3) console.log(`not the whole: nothing was tried on S3: ${noVersitygw}`);
if (unfinished > 0) console.log(`${unfinished} pieces could not be done`);
process.exitCode = total.findings.length > 0 || unfinished > 0 || isShort || lacksS3 || total.runs === 0 ? 1 : 0;

function hear(news: SoakNews): void {
  if ("planned" in news) {
    for (const [kind, count] of Object.entries(news.planned)) shareOf(kind).planned += count;
  } else if ("error" in news) fail(news.kind, news.error);
  else tell(news.kind, news.tally);
}

function shareOf(kind: string) {
  const share = shares.get(kind) ?? { done: 0, planned: 0 };
  shares.set(kind, share);
  return share;
}

function fail(what: string, why: string): void {
  unfinished += 1;
  console.log(`${what}: ${why}`);
}

function tell(kind: string, tally: Tally): void {
  shareOf(kind).done += 1;
  total = added([total, tally]);
  for (const line of findingLines(tally.findings)) console.log(line);
  if (Date.now() - toldAt < TELL_EVERY_MS) return;
  toldAt = Date.now();
  console.log(summary(total));
}

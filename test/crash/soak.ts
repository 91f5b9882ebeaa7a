import "./no-waiting.ts";
import { parseArgs } from "node:util";
import { eachLimited } from "../../lib/pool.ts";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { randomOf } from "./random.ts";
import { onS3 } from "./s3-store.ts";
import { inMemory, onFilesystem } from "./stores.ts";
import { added, findingLines, newTally, summary, type Tally } from "./tally.ts";
import { type Piece, piecesOf } from "./whole.ts";

/**
 * The long form. `npm run soak -- --whole` goes once through the complete enumeration, however long it takes, and fails
 * when that was fewer than 10,000 faults. `npm run soak -- --minutes 60` goes round through it in another order and with
 * other sizes and days each time, until the time is up. `--seed` does a round again that found something; `--rounds`
 * ends after so many.
 */
const { values } = parseArgs({
  options: {
    whole: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    rounds: { type: "string" },
  },
});
const LEAST_FAULTS = 10_000;
/** What waits for a disk or a server leaves the processor to others. */
const AT_ONCE = 3;
const TELL_EVERY_MS = 60_000;

const ends = values.whole ? Number.POSITIVE_INFINITY : Date.now() + Number(values.minutes) * 60_000;
const first = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const rounds = values.whole ? 1 : Number(values.rounds ?? Number.POSITIVE_INFINITY);

if (noVersitygw !== false) console.log(`without S3: ${noVersitygw}`);
await using server = noVersitygw === false ? await startVersitygw() : undefined;
const stores = [inMemory, onFilesystem, ...(server === undefined ? [] : [onS3(server)])];

let total = newTally();
let toldAt = Date.now();
for (let round = 0; round < rounds && (round === 0 || Date.now() < ends); round += 1) {
  const seed = first + round;
  console.log(`round ${round + 1}: --seed ${seed}`);
  const random = randomOf(seed);
  const bigBytes = values.whole ? 5_000 : 1 + random.below(random.chance(0.2) ? 5_000_000 : 200_000);
  const { pieces, counts } = await piecesOf({ stores, bigBytes, seed, random });
  console.log(`${counts}, in ${pieces.length} pieces`);
  await eachLimited(shuffled(pieces), AT_ONCE, async (piece) => {
    if (Date.now() < ends) tell(await piece());
  });
  console.log(summary(total));
}

console.log(findingLines(total.findings, 100).join("\n"));
if (total.faults < LEAST_FAULTS)
  console.log(`${total.faults} faults are fewer than ${LEAST_FAULTS}; --whole injects them all`);
process.exitCode = total.findings.length > 0 || (values.whole && total.faults < LEAST_FAULTS) ? 1 : 0;

function tell(tally: Tally): void {
  total = added([total, tally]);
  for (const line of findingLines(tally.findings)) console.log(line);
  if (Date.now() - toldAt < TELL_EVERY_MS) return;
  toldAt = Date.now();
  console.log(summary(total));
}

/** So that a short time sees something of everything. */
function shuffled(pieces: readonly Piece[]): readonly Piece[] {
  const random = randomOf(first);
  return pieces
    .map((piece) => [random.below(1e9), piece] as const)
    .sort(([a], [b]) => a - b)
    .map(([, piece]) => piece);
}

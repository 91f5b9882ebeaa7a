import { INVARIANTS, type Invariant, type Violation } from "./invariants.ts";

export interface Finding extends Violation {
  /** What was done, so that it can be done again: `faults memory daily 41 put flipped bit`. */
  readonly where: string;
}

/** What a harness did and found. */
export interface Tally {
  points: number;
  /** Points that were planned, and that the process did not come to: see `refuseMissed`. */
  missed: number;
  /** Units that had ended before a kill, and that the next run was seen not to collect again. */
  kept: number;
  /** Those that changed something. */
  faults: number;
  /** Of the clock. */
  jumps: number;
  runs: number;
  readonly findings: Finding[];
}

export const newTally = (): Tally => ({ points: 0, missed: 0, kept: 0, faults: 0, jumps: 0, runs: 0, findings: [] });

export function note(tally: Tally, where: string, violations: readonly Violation[]): void {
  for (const one of violations) tally.findings.push({ ...one, where });
}

export function added(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    points: sum(({ points }) => points),
    missed: sum(({ missed }) => missed),
    kept: sum(({ kept }) => kept),
    faults: sum(({ faults }) => faults),
    jumps: sum(({ jumps }) => jumps),
    runs: sum(({ runs }) => runs),
    findings: tallies.flatMap(({ findings }) => findings),
  };
}

/**
 * One process passes a boundary or two more than another, by what meets there: then the last ones are not reached. More of them, and
 * the harness does not do what it says.
 * @throws Error
 */
export function refuseMissed({ missed }: Tally, where: string): void {
  if (missed > MOST_MISSED)
    throw new Error(`${where}: ${missed} planned boundaries were not reached, ${MOST_MISSED} may be`);
}

const MOST_MISSED = 2;
const REPAIRS: readonly Invariant[] = ["next-run-succeeds", "no-leftovers"];

/** What is printed at the end; `0 lost, 0 manual repairs` when all held. */
export function summary({ points, missed, kept, faults, jumps, runs, findings }: Tally): string {
  const repairs = findings.filter(({ invariant }) => REPAIRS.includes(invariant)).length;
  const count = (number: number) => number.toLocaleString("en-US");
  return (
    `${count(points)} points killed${missed === 0 ? "" : `, ${count(missed)} not reached`} (${count(kept)} units kept), ${count(faults)} faults injected, ${count(jumps)} jumps of the clock, ${count(runs)} runs: ` +
    `${count(findings.length - repairs)} lost, ${count(repairs)} manual repairs`
  );
}

/** First each place where something does not hold, in a line; then by what it breaks, with the first of them whole. */
export function findingLines(findings: readonly Finding[], most = 5): string[] {
  const [places, groups] = [Map.groupBy(findings, ({ where }) => where), byInvariant(findings)];
  return [
    ...[...places].map(([where, ones]) => `${where}: ${[...byInvariant(ones)].map(counted).join(", ")}`),
    ...[...groups].flatMap(([invariant, ones]) => [
      `${invariant} (${INVARIANTS[invariant]}) does not hold, ${ones.length} times:`,
      ...ones.slice(0, most).map(({ where, detail }) => `  ${where}: ${detail}`),
    ]),
  ];
}

const byInvariant = (findings: readonly Finding[]) => Map.groupBy(findings, ({ invariant }) => invariant);
const counted = ([invariant, ones]: readonly [Invariant, readonly Finding[]]) => `${invariant} ${ones.length} times`;

import { added, newTally, summary, type Tally } from "./tally.ts";

/** What a soak promises, to be held against what it did. */
export interface Promised {
  /** Faults; fewer is a failure. */
  readonly least: number;
  /** The complete enumeration, or a share of it. */
  readonly whole: boolean;
  /** Why nothing can be tried on S3, where that is so. */
  readonly withoutS3: string | undefined;
}

export interface Coverage {
  /** Of each kind so many more pieces are to be done. */
  plan(kinds: Readonly<Record<string, number>>): void;
  /** One of them was. */
  add(kind: string, tally: Tally): void;
  total(): Tally;
  /** A line a kind: what was done of it, what was not, and the sum. */
  lines(): readonly string[];
  /** Why it is a failure, a line each; none when all that was promised was kept. */
  broken(promised: Promised): readonly string[];
}

/** What of the enumeration was gone through so far. */
export function newCoverage(): Coverage {
  const kinds = new Map<string, { done: number; planned: number; tally: Tally }>();
  const of = (kind: string) => {
    const one = kinds.get(kind) ?? { done: 0, planned: 0, tally: newTally() };
    kinds.set(kind, one);
    return one;
  };
  const total = () => added([...kinds.values()].map(({ tally }) => tally));
  const missing = () => [...kinds].filter(([, { done, planned }]) => done < planned);
  return {
    plan(counts) {
      for (const [kind, count] of Object.entries(counts)) of(kind).planned += count;
    },
    add(kind, tally) {
      const one = of(kind);
      one.done += 1;
      one.tally = added([one.tally, tally]);
    },
    total,
    lines: () => [
      ...[...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, one]) => ofKind(kind, one)),
      missing().length === 0
        ? "everything that was planned was gone through"
        : `not gone through to the end: ${missing()
            .map(([kind]) => kind)
            .join("; ")}`,
      summary(total()),
    ],
    broken({ least, whole, withoutS3 }) {
      const { faults, findings, runs } = total();
      return [
        ...(findings.length > 0 ? [`${findings.length} findings`] : []),
        ...(runs === 0 ? ["nothing was run"] : []),
        ...(faults < least ? [`${count(faults)} faults were injected, and ${count(least)} were promised`] : []),
        ...(whole && missing().length > 0 ? ["the whole was promised, and not all of it was gone through"] : []),
        ...(whole && withoutS3 !== undefined
          ? [`the whole was promised, and nothing was tried on S3: ${withoutS3}`]
          : []),
      ];
    },
  };
}

function ofKind(
  kind: string,
  { done, planned, tally }: { readonly done: number; readonly planned: number; readonly tally: Tally },
): string {
  const { points, missed, faults, jumps } = tally;
  const counts = [
    [points, "points killed"],
    [missed, "points not reached"],
    [faults, "faults"],
    [jumps, "jumps"],
  ] as const;
  const seen = counts.flatMap(([number, what]) => (number > 0 ? [`${count(number)} ${what}`] : []));
  return [`${kind}: ${done} of ${planned} pieces`, ...seen].join(", ");
}

const count = (number: number) => number.toLocaleString("en-US");

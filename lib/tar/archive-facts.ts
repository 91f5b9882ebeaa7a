import type { Facts } from "../connectors/connector.ts";
import type { TarEntry } from "./tar-scan.ts";

/** What an archive holds, counted while it passes. Proof counts again and compares. */
export interface ArchiveCount {
  add(entry: TarEntry): void;
  /** All entries, the entries by kind, and the bytes of all contents, holes included. */
  facts(): Facts;
  readonly entries: number;
}

export function createArchiveCount(): ArchiveCount {
  const counts = { entries: 0, files: 0, directories: 0, symlinks: 0, hardlinks: 0, other: 0, bytes: 0 };
  return {
    add(entry) {
      counts.entries += 1;
      counts.bytes += entry.size;
      counts[COUNTER[entry.kind]] += 1;
    },
    facts: () => ({ ...counts }),
    get entries() {
      return counts.entries;
    },
  };
}

const COUNTER = {
  file: "files",
  directory: "directories",
  symlink: "symlinks",
  hardlink: "hardlinks",
  device: "other",
  fifo: "other",
} as const;

/** `entries is 12 instead of 13, …`; undefined when all counted numbers agree. */
export function factsDifference(counted: Facts, expected: Facts): string | undefined {
  const different = Object.entries(counted).filter(([name, value]) => expected[name] !== value);
  if (different.length === 0) return undefined;
  const stated = (name: string) =>
    name in expected ? JSON.stringify(expected[name]) : "what the manifest does not say";
  return different.map(([name, value]) => `${name} is ${JSON.stringify(value)} instead of ${stated(name)}`).join(", ");
}

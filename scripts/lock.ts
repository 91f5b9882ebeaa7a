import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

/**
 * Holds package-lock.json complete. `npm ci` refuses a lock that lacks one of the optional packages that a package
 * names for other platforms, and npm leaves out those that the registry at hand did not have when the lock was made.
 * Without arguments it says what is missing; with `--write` it adds the entries, without a digest, since none is known.
 */

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const LOCK = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const lock: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(LOCK, "utf8"));
const { added, faults } = complete(lock.packages);

if (process.argv.includes("--write")) {
  const paths = Object.keys(lock.packages).sort((a, b) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(paths.map((path) => [path, lock.packages[path] ?? {}]));
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
} else {
  faults.push(...added.map((path) => `lacks ${path}: run "node scripts/lock.ts --write"`));
}
for (const fault of faults) console.error(`package-lock.json ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Adds what is missing to `packages`, and says what it added and what it cannot mend. */
function complete(packages: Record<string, LockEntry>): { added: string[]; faults: string[] } {
  const added: string[] = [];
  const faults: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined) faults.push(`names a registry at ${path}`);
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, path, name)) continue;
      const made = platformEntry(name, range, entry);
      if (made === undefined) {
        faults.push(`lacks ${name}@${range}, an optional dependency of ${path}, and its platform cannot be told`);
        continue;
      }
      packages[`node_modules/${name}`] = made;
      added.push(`node_modules/${name}`);
    }
  }
  return { added, faults };
}

/** As Node resolves: in the package's own folder, then in each one above. */
function isLocked(packages: Record<string, LockEntry>, path: string, name: string): boolean {
  for (let folder = path; folder !== ""; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
    if (`${folder}/node_modules/${name}` in packages) return true;
  }
  return `node_modules/${name}` in packages;
}

/** Platform packages carry their platform in their names: `@biomejs/cli-linux-arm64-musl`. */
function platformEntry(name: string, version: string, parent: LockEntry): LockEntry | undefined {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+/.test(version)) return undefined;
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return {
    version,
    cpu: [cpu],
    ...(parent.dev === true ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

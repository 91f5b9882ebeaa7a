import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { EncryptedStream } from "./encrypt-stream.ts";
import { type BenchLine, benchLine, forInformation, median } from "./line.ts";
import { writeRandom } from "./random-file.ts";

const BYTES = 1024 * 1024 * 1024;
/** The library needs a tenth of this machine's minute for as much. */
const LIBRARY_BYTES = BYTES / 8;
const ROUNDS = 5;
const MB = 1e6;

/**
 * Encrypting and decrypting a file of random bytes into nothing, against the native programs and against the JavaScript
 * library of age's author. Throughput is per second of one core (all threads and children counted), so that a busy
 * machine and a second core change nothing; rounds take turns.
 */
export async function benchEncryption(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  try {
    return [...benchAge(folder), ...benchGpg(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function benchAge(folder: string): readonly BenchLine[] {
  const [large, small] = [path.join(folder, "large"), path.join(folder, "small")];
  writeRandom(large, BYTES);
  writeRandom(small, LIBRARY_BYTES);
  const identity = path.join(folder, "identity.txt");
  execFileSync("age-keygen", ["-o", identity], { stdio: "ignore" });
  const [recipient = ""] = /age1\w+/.exec(readFileSync(identity, "utf8")) ?? [];
  const sealed = path.join(folder, "large.age");
  execFileSync("age", ["-r", recipient, "-o", sealed, large]);
  const speeds = rounds("age", {
    native: () => BYTES / cpuSeconds(`age -r ${recipient} '${large}' > /dev/null`),
    ours: () => speedOf("encrypt", recipient, large),
    library: () => speedOf("library", recipient, small),
    nativeBack: () => BYTES / cpuSeconds(`age -d -i '${identity}' '${sealed}' > /dev/null`),
    oursBack: () => speedOf("decrypt", identity, sealed),
  });
  return [
    line("age: encrypting, to the native program's throughput on one core", speeds.ours, speeds.native, 0.6),
    line("age: encrypting, to the JavaScript library's", speeds.ours, speeds.library, 3),
    line("age: decrypting, to the native program's", speeds.oursBack, speeds.nativeBack, 0.6),
  ];
}

/** We run the program, so what is to be seen is what that costs on top. */
function benchGpg(folder: string): readonly BenchLine[] {
  const large = path.join(folder, "large");
  const home = path.join(folder, "gnupg");
  execFileSync("mkdir", ["-m", "700", home]);
  const env = { ...process.env, GNUPGHOME: home };
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", ...args], { env, stdio: ["ignore", "pipe", "ignore"] });
  gpg("--passphrase", "", "--quick-gen-key", "bench@example.com", "future-default", "default", "never");
  const keys = path.join(folder, "keys.asc");
  writeFileSync(keys, gpg("--armor", "--export"));
  const native = `gpg --batch --trust-model always --compress-algo none -r bench@example.com -o - -e '${large}' > /dev/null`;
  const ours = `'${process.execPath}' '${path.join(import.meta.dirname, "encrypt-stream.ts")}' gpg '${keys}' '${large}'`;
  const speeds = rounds("gpg", {
    native: () => BYTES / cpuSeconds(native, env),
    ours: () => BYTES / cpuSeconds(`${ours} > /dev/null`, env),
  });
  spawnSync("gpgconf", ["--kill", "all"], { env });
  return [forInformation(line("gpg: encrypting through us, to the program alone", speeds.ours, speeds.native, 0))];
}

const line = (name: string, ours: number, theirs: number, atLeast: number): BenchLine =>
  benchLine(name, { ours: ours / MB, theirs: theirs / MB, unit: "MB/s" }, { atLeast });

function rounds<Name extends string>(
  about: string,
  works: { readonly [N in Name]: () => number },
): Record<Name, number> {
  const names = Object.keys(works) as Name[];
  const seen = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of names) seen.get(name)?.push(works[name]());
    const text = names.map((name) => `${name} ${((seen.get(name)?.at(-1) ?? 0) / MB).toFixed(0)} MB/s`);
    console.error(`encryption: ${about}, round ${round} of ${ROUNDS}: ${text.join(", ")}`);
  }
  return Object.fromEntries(names.map((name) => [name, median(seen.get(name) ?? [])])) as Record<Name, number>;
}

function speedOf(how: string, key: string, file: string): number {
  const script = path.join(import.meta.dirname, "encrypt-stream.ts");
  const output = execFileSync(process.execPath, [script, how, key, file], { encoding: "utf8" });
  const { bytes, cpuSeconds: seconds }: EncryptedStream = JSON.parse(output);
  return bytes / seconds;
}

/** User and system time of a command and its children. */
function cpuSeconds(command: string, env: NodeJS.ProcessEnv = process.env): number {
  const ended = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time { ${command}; }`], { env, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(`${command}: ${ended.stderr}`);
  const [user = "", system = ""] = ended.stderr.trim().split("\n").at(-1)?.split(" ") ?? [];
  return Number(user) + Number(system);
}

import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "../../support/stores.ts";
import { coreBackup, type Ended } from "../core-backup.ts";
import { asBytes, readingsOf } from "./readings.ts";

/** A folder in which the command line runs, and in which every trace of a secret is looked for. */
export interface Watched extends AsyncDisposable {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs a command with `config`, and with `more` in its environment. */
  core(name: string, config: string, args: readonly string[], more?: NodeJS.ProcessEnv): Promise<Ended>;
  assertUnseen(text: string | Buffer, where: string): void;
  /** In nothing that it printed. */
  assertUnsaid(ended: Ended, what: string): void;
  /** In none of its files, those that were temporary among them, nor in the arguments and the environment of any program that it started. */
  assertLeftNowhere(what: string): Promise<void>;
  /** Both. */
  assertNowhere(ended: Ended, what: string): Promise<void>;
  /** What programs were started with. */
  seen(): Promise<string>;
}

const RECORDING = pathToFileURL(join(import.meta.dirname, "record-programs.ts"));
/** Those that are started by programs too: each writes down what it was given, and goes on as itself. */
const PROGRAMS = ["git", "tar", "zstd", "gpg"];
/** Where the program writes. The files that hold secrets on purpose lie elsewhere. */
const PLACES = ["store", "tmp", "tmp-seen", "restored"];

/** `canaries` is asked each time, for some are made while a run goes on. `env` is what the program gets beside `PATH` and `TMPDIR`. */
export async function watched(canaries: () => readonly string[], env: NodeJS.ProcessEnv): Promise<Watched> {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await mkdir(at("programs"));
  await mkdir(at("tmp"));
  await mkdir(at("tmp-seen"));
  await writeFile(at("seen"), "");
  for (const name of PROGRAMS) await spy(name);
  let written = 0;
  let lookedAt = 0;
  const whole = {
    PATH: `${at("programs")}${delimiter}${process.env.PATH}`,
    TMPDIR: at("tmp"),
    NODE_OPTIONS: `--import=${RECORDING}`,
    CANARY_SEEN: at("seen"),
    CANARY_COPIES: at("tmp-seen"),
    ...env,
  };

  /** In PATH before the real one, which it looks for behind itself. */
  async function spy(name: string): Promise<void> {
    const script = `#!/bin/sh
{ echo "$0" "$@"; env; } >>'${at("seen")}'
PATH="\${PATH#*:}"
exec ${name} "$@"
`;
    await writeFile(at(`programs/${name}`), script);
    await chmod(at(`programs/${name}`), 0o755);
  }

  /** In no reading of it, whole or as one line of a key. */
  function assertUnseen(text: string | Buffer, where: string): void {
    const readings = readingsOf(Buffer.from(text));
    for (const canary of canaries()) {
      for (const secret of [canary, ...linesOf(canary)]) {
        const found = readings.find((reading) => reading.includes(asBytes(secret)));
        assert.ok(found === undefined, `${canary} is in ${where}:\n${found?.slice(0, 4_000)}`);
      }
    }
  }

  async function assertUnseenBelow(place: string, what: string): Promise<void> {
    for (const entry of await readdir(place, { recursive: true, withFileTypes: true }).catch(() => [])) {
      const path = join(entry.parentPath, entry.name);
      assertUnseen(path, `the name of a file, ${what}`);
      if (entry.isFile()) assertUnseen(await readFile(path), `${path}, ${what}`);
    }
  }

  function assertUnsaid({ stdout, stderr }: Ended, what: string): void {
    assertUnseen(stdout, `stdout of ${what}`);
    assertUnseen(stderr, `stderr of ${what}`);
  }

  async function assertLeftNowhere(what: string): Promise<void> {
    const seen = await readFile(at("seen"));
    assertUnseen(seen.subarray(lookedAt), `arguments or environment of a program, ${what}`);
    lookedAt = seen.byteLength;
    for (const place of PLACES) await assertUnseenBelow(at(place), what);
    // Copies, which nothing changes any more: each is looked at once.
    await rm(at("tmp-seen"), { recursive: true });
    await mkdir(at("tmp-seen"));
  }

  return {
    path: folder.path,
    env: whole,
    async core(name, config, args, more) {
      // Put in place whole: several commands at a time may have one name, and one reads while the next begins.
      written += 1;
      const draft = at(`${name}.${written}`);
      await writeFile(draft, config);
      await rename(draft, at(`${name}.yml`));
      return coreBackup([...args, "--config", at(`${name}.yml`)], { cwd: folder.path, env: { ...whole, ...more } });
    },
    assertUnseen,
    assertUnsaid,
    assertLeftNowhere,
    async assertNowhere(ended, what) {
      assertUnsaid(ended, what);
      await assertLeftNowhere(what);
    },
    seen: () => readFile(at("seen"), "latin1"),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Each line of a private key is secret by itself, but for those that say what it is. */
const linesOf = (secret: string): readonly string[] =>
  secret.includes("\n") ? secret.split("\n").filter((line) => line.length >= 16 && !line.startsWith("-----")) : [];

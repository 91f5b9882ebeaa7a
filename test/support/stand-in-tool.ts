import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";

/** How a stand-in for one of MongoDB's tools behaves, as it was recorded of the real one. */
export interface ToolBehaviour {
  readonly stdout?: Uint8Array;
  readonly stderr?: string;
  readonly code?: number;
  /** With which it ends when it is asked for its version. */
  readonly version?: number;
  /** Brings the archive that it is given into the server of its `--config`. */
  readonly restores?: boolean;
  /** Ends itself by this signal instead. */
  readonly signal?: NodeJS.Signals;
}

/** What it was given at each call, in their order. */
export interface ToolCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What `--config` held. */
  readonly config: string;
  /** What the authorities and the certificate held that its URI names. */
  readonly tls: readonly string[];
  /** Its own line in the process list. */
  readonly processList: string;
  readonly stdin: Buffer;
}

export interface StandInTool extends AsyncDisposable {
  behave(behaviour: ToolBehaviour): Promise<void>;
  calls(): Promise<readonly ToolCall[]>;
}

/** A program of this name in front of `PATH`, or, without a behaviour, a `PATH` on which there is none. */
export async function standInTool(name: "mongodump" | "mongorestore", behaviour?: ToolBehaviour): Promise<StandInTool> {
  const folder = await mkdtemp(path.join(tmpdir(), "stand-in-"));
  const before = process.env.PATH;
  const behave = async ({ stdout = Buffer.alloc(0), ...rest }: ToolBehaviour) => {
    await writeFile(path.join(folder, "stdout"), stdout);
    await writeFile(path.join(folder, "behaviour.json"), JSON.stringify(rest));
  };
  if (behaviour !== undefined) {
    await behave(behaviour);
    await writeFile(path.join(folder, name), program(folder, name));
    await chmod(path.join(folder, name), 0o755);
  }
  process.env.PATH = behaviour === undefined ? folder : `${folder}:${before}`;
  return {
    behave,
    async calls() {
      const files = (await readdir(folder)).filter((file) => file.startsWith("call-"));
      const texts = await Promise.all(files.sort().map((file) => readFile(path.join(folder, file), "utf8")));
      return texts.map((text) => {
        const call = JSON.parse(text);
        return { ...call, stdin: Buffer.from(call.stdin, "base64") };
      });
    },
    async [Symbol.asyncDispose]() {
      process.env.PATH = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function program(folder: string, name: string): string {
  return `#!${process.execPath}
const fs = require("node:fs");
const folder = ${JSON.stringify(folder)};
const args = process.argv.slice(2);
const behaviour = JSON.parse(fs.readFileSync(folder + "/behaviour.json", "utf8"));
const { stderr = "", code = 0, version = 0, signal, restores = false } = behaviour;
if (args[0] === "--version") {
  if (version === 0) console.log("${name} version: 100.18.0");
  process.exit(version);
}
const value = (flag) => args.find((arg) => arg.startsWith(flag + "="))?.slice(flag.length + 1);
const config = fs.readFileSync(value("--config"), "utf8");
const named = [...config.matchAll(/[?&]tls(?:CA|CertificateKey)File=([^&"]+)/g)];
const call = {
  args,
  env: process.env,
  config,
  tls: named.map(([, path]) => fs.readFileSync(decodeURIComponent(path), "utf8")),
  processList: fs.readFileSync("/proc/self/cmdline", "utf8"),
  stdin: ${name === "mongorestore"} ? fs.readFileSync(0).toString("base64") : "",
};
const number = fs.readdirSync(folder).filter((file) => file.startsWith("call-")).length;
fs.writeFileSync(folder + "/call-" + number + ".json", JSON.stringify(call));
async function acted() {
  if (!restores) return stderr;
  const { restoreArchive } = await import(${JSON.stringify(path.join(import.meta.dirname, "restoring-tool.ts"))});
  const uri = JSON.parse(call.config.slice("uri: ".length));
  return "now\\t" + (await restoreArchive(uri, Buffer.from(call.stdin, "base64"))) + "\\n";
}
acted().then((said) =>
  process.stdout.write(fs.readFileSync(folder + "/stdout"), () => {
    process.stderr.write(said, () => (signal === undefined ? process.exit(code) : process.kill(process.pid, signal)));
  }),
);
`;
}

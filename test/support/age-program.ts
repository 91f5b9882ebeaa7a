import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Why tests with the real age are skipped here, in one line; false when they run. In CI they run, or fail. */
export function ageMissing(): string | false {
  const missing = ["age", "age-keygen"].find((program) => spawnSync(program, ["--version"]).error !== undefined);
  if (missing === undefined) return false;
  if (process.env.CI === "true") throw new Error(`${missing} is not installed`);
  return `${missing} is not installed`;
}

export interface AgeKey {
  /** `age1…` */
  readonly recipient: string;
  /** The text that age-keygen writes, comments included. */
  readonly text: string;
  /** `AGE-SECRET-KEY-1…` */
  readonly secret: string;
}

export function ageKey(): AgeKey {
  const text = execFileSync("age-keygen", { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [recipient = ""] = /age1\w+/.exec(text) ?? [];
  const [secret = ""] = /AGE-SECRET-KEY-1\w+/.exec(text) ?? [];
  return { recipient, text, secret };
}

/** What `age` makes of `input`. @throws with what it says when it ends otherwise than with 0 */
export function runAge(args: readonly string[], input: Uint8Array): Buffer {
  return execFileSync("age", [...args], { input, maxBuffer: 256 * 1024 * 1024, stdio: ["pipe", "pipe", "pipe"] });
}

/** A file that is gone after the block. */
export function aFile(content: string | Uint8Array): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "core-backup-age-"));
  const path = join(folder, "file");
  writeFileSync(path, content, { mode: 0o600 });
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs a command that asks for a passphrase on its terminal, and types it as often as it asks. */
export function withTypedPassphrase(command: readonly string[], passphrase: string): void {
  const script = `
import os, pty, sys, select
passphrase, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
said = b""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if b"passphrase" in piece and piece.rstrip().endswith(b":"):
        os.write(fd, passphrase.encode() + b"\\n")
_, status = os.waitpid(pid, 0)
if status != 0:
    sys.stderr.buffer.write(said)
    sys.exit(1)
`;
  execFileSync("python3", ["-c", script, passphrase, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
}

import { type Bytes, bytesOf, readAll } from "../../bytes.ts";
import { ConfigError } from "../../errors.ts";
import { ProgramMissingError, type ProgramOptions, programOutput } from "../../process.ts";
import { scratchFolder } from "../../scratch.ts";

/** A folder of keys of our own, so that nothing of the user's keyring, settings or trust plays a part. */
export interface GpgHome {
  /** The standard output of gpg. What gpg says by `--status-fd 2` is in the exit's `stderr`. */
  output(args: readonly string[], options: Pick<ProgramOptions, "judge"> & { readonly stdin?: Bytes }): Bytes;
  /** The same as text; for what is short. @throws ProgramFailedError */
  text(args: readonly string[], input?: string | Uint8Array): Promise<string>;
  /** Ends the agent and removes the keys. */
  close(): Promise<void>;
}

/** Never asks anybody anything, and takes no option from a file of the user. */
const ALWAYS = ["--batch", "--no-tty", "--no-options", "--status-fd", "2"];
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** @throws ConfigError on a machine without gpg */
export async function gpgHome(signal: AbortSignal): Promise<GpgHome> {
  const folder = await scratchFolder("gpg");
  const env = { GNUPGHOME: folder.path };

  async function* output(args: readonly string[], options: Parameters<GpgHome["output"]>[1]): Bytes {
    yield* programOutput("gpg", [...ALWAYS, ...args], { ...options, env, signal });
  }

  const home: GpgHome = {
    output,
    async text(args, input) {
      const stdin = input === undefined ? {} : { stdin: bytesOf(input) };
      return Buffer.from(await readAll(output(args, stdin), MAX_TEXT_BYTES)).toString("utf8");
    },
    async close() {
      try {
        // An agent that was started for a private key. Once its folder is gone it would end by itself, but minutes later.
        const quiet = { env, signal: new AbortController().signal, judge: () => {} };
        for await (const _ of programOutput("gpgconf", ["--kill", "gpg-agent"], quiet));
      } catch (error) {
        if (!(error instanceof ProgramMissingError)) throw error;
      } finally {
        await folder.remove();
      }
    },
  };
  try {
    await home.text(["--version"]);
    return home;
  } catch (error) {
    await folder.remove();
    if (!(error instanceof ProgramMissingError)) throw error;
    throw new ConfigError("encryption of type gpg needs the program gpg, which is not installed", { cause: error });
  }
}

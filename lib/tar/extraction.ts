import type { Bytes } from "../bytes.ts";
import { type Exit, failUnlessZero } from "../process.ts";
import { TarFormatError } from "./tar-header.ts";
import { createTarScanner, type TarListener } from "./tar-scan.ts";

/** An archive on its way into tar. */
export interface WatchedArchive {
  readonly bytes: Bytes;
  /** To be called after tar ended. @throws TarFormatError unless tar took all of a whole archive */
  assertWhole(): void;
}

/**
 * The same bytes; each is looked at before tar gets it, and what the listener throws keeps it from tar. `flush` is
 * waited for between pieces.
 */
export function watchArchive(
  bytes: Bytes,
  listener: TarListener,
  flush: () => Promise<void> = async () => {},
): WatchedArchive {
  const scanner = createTarScanner(listener);
  let whole = false;

  async function* pass(): Bytes {
    for await (const chunk of bytes) {
      scanner.write(chunk);
      await flush();
      yield chunk;
    }
    scanner.end();
    whole = true;
  }

  return {
    bytes: pass(),
    assertWhole() {
      if (!whole) throw new TarFormatError("tar stopped reading before the archive's end");
    },
  };
}

/** True when all that went wrong is that this user may not make devices. @throws ProgramFailedError */
export function onlyDevicesRefused(program: string, exit: Exit): boolean {
  const faults = exit.stderr.split("\n").filter((line) => line !== "" && !HARMLESS.test(line));
  if (
    exit.code === 2 &&
    faults.length > 0 &&
    faults.every((line) => /: Cannot mknod: Operation not permitted$/.test(line))
  )
    return true;
  failUnlessZero(program, exit);
  return false;
}

const HARMLESS =
  /: (Exiting with failure status due to previous errors|implausibly old time stamp .*|time stamp .* in the future)$/;

import type { Bytes } from "../bytes.ts";
import { type Exit, failUnlessZero } from "../process.ts";
import { TarFormatError } from "./tar-header.ts";
import { createTarScanner, type TarListener } from "./tar-scan.ts";

/** An archive on its way into tar. */
export interface WatchedArchive {
  readonly bytes: Bytes;
  /**
   * To be called after tar ended.
   * @throws TarFormatError unless tar took all of a whole archive, or whatever the archive's bytes threw at their end
   */
  assertWhole(): Promise<void>;
}

/**
 * The same bytes; each is looked at before tar gets it, and what the listener throws keeps it from tar. `flush` is
 * waited for between pieces. Stopped early, it lets go of the bytes, but after the end mark: tar ends there without
 * waiting for the end of its input (1.34, where that is a socket), and what is left is padding and whether the source
 * finds its own bytes right, so that much is read here.
 */
export function watchArchive(
  bytes: Bytes,
  listener: TarListener,
  flush: () => Promise<void> = async () => {},
): WatchedArchive {
  const scanner = createTarScanner(listener);
  const passed = Promise.withResolvers<boolean>();
  passed.promise.catch(() => {});
  let begun = false;

  async function* pass(): Bytes {
    begun = true;
    const source = bytes[Symbol.asyncIterator]();
    let [whole, failed] = [false, false];
    const next = async () => {
      const { done, value } = await source.next();
      if (done === true) {
        scanner.end();
        whole = true;
        return undefined;
      }
      scanner.write(value);
      await flush();
      return value;
    };
    try {
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
    } catch (error) {
      failed = true;
      passed.reject(error);
      throw error;
    } finally {
      try {
        while (!whole && !failed && scanner.hasEnded) await next();
        passed.resolve(whole);
      } catch (error) {
        passed.reject(error);
      } finally {
        if (!whole) await source.return?.();
      }
    }
  }

  return {
    bytes: pass(),
    async assertWhole() {
      if (!begun || !(await passed.promise)) throw new TarFormatError("tar stopped reading before the archive's end");
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

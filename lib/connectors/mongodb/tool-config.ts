import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { scratchFolder } from "../../scratch.ts";
import type { ServerAddress } from "./client.ts";
import type { ServerTls } from "./server-tls.ts";
import { withoutDatabase, withoutParameters, withParameter } from "./uri.ts";

/** What MongoDB's tools read their URI from, and what that names. */
export interface ToolConfig {
  /** Of files without a name, which the program gets as its descriptors from 3 on. */
  readonly descriptors: readonly number[];
  close(): Promise<void>;
}

const FIRST_DESCRIPTOR = 3;

/** What a program whose further descriptors are those files gives as `--config`. */
export const CONFIG_PATH = `/dev/fd/${FIRST_DESCRIPTOR}`;

/** These are milliseconds, which the tools up to 100.18 take for seconds (TOOLS-4336). */
const TIMEOUTS = ["serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"];

/**
 * The URI, with its password, and certificates with their keys, in files that lose their names before anything is written to
 * them: so they are in no argument list, no environment, and nothing is left of them after a crash.
 */
export async function toolConfig(address: ServerAddress): Promise<ToolConfig> {
  const folder = await scratchFolder("mongodb");
  const reading: Awaited<ReturnType<typeof open>>[] = [];
  const close = async () => {
    for (const file of reading) await file.close();
  };
  try {
    // JSON is YAML.
    const texts = [`uri: ${JSON.stringify(toolUri(address))}\n`, ...tlsFiles(address.tls).map(([, text]) => text)];
    for (const [n, text] of texts.entries()) {
      const path = join(folder.path, `${n}`);
      const writing = await open(path, "wx", 0o600);
      try {
        reading.push(await open(path, "r"));
        await unlink(path);
        await writing.writeFile(text);
      } finally {
        await writing.close();
      }
    }
    return { descriptors: reading.map(({ fd }) => fd), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await folder.remove();
  }
}

/** With all of TLS in it, and without a database, which is given by an option and may be another. */
export function toolUri({ uri, tls }: ServerAddress): string {
  const files = tlsFiles(tls).map(([name], n) => [name, `/dev/fd/${FIRST_DESCRIPTOR + 1 + n}`] as const);
  const password = tls.certificateKeyPassword;
  const given = [
    ...(files.length === 0 ? [] : [["tls", "true"] as const]),
    ...files,
    ...(password === undefined ? [] : [["tlsCertificateKeyFilePassword", password] as const]),
  ];
  const bare = withoutParameters(withoutDatabase(uri), [...TIMEOUTS, ...given.map(([name]) => name)]);
  return given.reduce((so, [name, value]) => withParameter(so, name, value), bare);
}

/** What the URI names as files, by the parameters that do, in the order of their descriptors. */
function tlsFiles({ ca, certificateKey }: ServerTls): readonly (readonly [string, string])[] {
  return [
    ...(ca === undefined ? [] : [["tlsCAFile", ca] as const]),
    ...(certificateKey === undefined ? [] : [["tlsCertificateKeyFile", certificateKey] as const]),
  ];
}

import { open } from "node:fs/promises";
import { join } from "node:path";
import { scratchFolder } from "../../scratch.ts";
import type { ServerAddress } from "./client.ts";
import { withoutDatabase, withoutParameters, withParameter } from "./uri.ts";

/** What MongoDB's tools read their URI from. */
export interface ToolConfig {
  /** Of a file without a name. The program gets it as its descriptor 3. */
  readonly fd: number;
  close(): Promise<void>;
}

/** What a program whose first further descriptor is the file gives as `--config`. */
export const CONFIG_PATH = "/dev/fd/3";

/** These are milliseconds, which the tools up to 100.18 take for seconds (TOOLS-4336). */
const TIMEOUTS = ["serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"];

/**
 * The URI, with its password, in a file that only we may read and that loses its name before the program begins: so it is
 * in no argument list, no environment, and nothing is left of it after a crash.
 */
export async function toolConfig(address: ServerAddress): Promise<ToolConfig> {
  const folder = await scratchFolder("mongodb");
  try {
    const file = join(folder.path, "config.yml");
    const writing = await open(file, "wx", 0o600);
    // JSON is YAML.
    try {
      await writing.writeFile(`uri: ${JSON.stringify(toolUri(address))}\n`);
    } finally {
      await writing.close();
    }
    const reading = await open(file, "r");
    return { fd: reading.fd, close: () => reading.close() };
  } finally {
    await folder.remove();
  }
}

/** With the TLS files in it, and without a database, which is given by an option and may be another. */
export function toolUri({ uri, tlsCaFile, tlsCertificateKeyFile, tlsCertificateKeyPassword }: ServerAddress): string {
  const parameters: readonly (readonly [string, string | undefined])[] = [
    ["tls", (tlsCaFile ?? tlsCertificateKeyFile) === undefined ? undefined : "true"],
    ["tlsCAFile", tlsCaFile],
    ["tlsCertificateKeyFile", tlsCertificateKeyFile],
    ["tlsCertificateKeyFilePassword", tlsCertificateKeyPassword],
  ];
  const given = parameters.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const bare = withoutParameters(withoutDatabase(uri), [...TIMEOUTS, ...given.map(([name]) => name)]);
  return given.reduce((so, [name, value]) => withParameter(so, name, value), bare);
}

import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ConfigError } from "../../errors.ts";

export interface TlsFiles {
  readonly tlsCaFile: string | undefined;
  readonly tlsCertificateKeyFile: string | undefined;
  readonly tlsCertificateKeyPassword: string | undefined;
}

/**
 * That the TLS files are there, hold what they should, and that the key opens: who connects with others learns only that no
 * server could be reached. @throws ConfigError naming the option
 */
export async function checkTlsFiles(files: TlsFiles): Promise<void> {
  const { tlsCaFile, tlsCertificateKeyFile, tlsCertificateKeyPassword: passphrase } = files;
  if (tlsCaFile !== undefined) {
    const ca = await contentOf("tls_ca_file", tlsCaFile);
    mustHold("tls_ca_file", tlsCaFile, "certificates", () => createSecureContext({ ca }));
  }
  if (tlsCertificateKeyFile !== undefined) {
    const both = await contentOf("tls_certificate_key_file", tlsCertificateKeyFile);
    mustHold("tls_certificate_key_file", tlsCertificateKeyFile, "a certificate and its key", () =>
      createSecureContext({ cert: both, key: both, ...(passphrase === undefined ? {} : { passphrase }) }),
    );
  }
}

async function contentOf(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`${option}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function mustHold(option: string, path: string, what: string, open: () => void): void {
  try {
    open();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const why = /decrypt|password|passphrase|interrupted or cancelled/i.test(said)
      ? "the password of its key (tls_certificate_key_password_env) is missing or wrong"
      : `holds no ${what} in PEM form`;
    throw new ConfigError(`${option}: ${path}: ${why} (${said})`, { cause: error });
  }
}

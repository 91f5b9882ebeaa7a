import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { SecretResolver } from "../../secrets/secrets.ts";
import type { MongodbOptions } from "./options.ts";

/** In PEM form. Texts and not files, since on AWS there are none. */
export interface ServerTls {
  readonly ca: string | undefined;
  readonly certificateKey: string | undefined;
  readonly certificateKeyPassword: string | undefined;
}

/** @throws ConfigError | TransientError when one of them cannot be had */
export async function serverTls(options: MongodbOptions, secrets: SecretResolver): Promise<ServerTls> {
  const text = async (name: "tls_ca" | "tls_certificate_key" | "tls_certificate_key_password") => {
    const reference = secretOf(options, name);
    return reference === undefined ? undefined : await secrets.resolve(reference);
  };
  return {
    ca: await text("tls_ca"),
    certificateKey: await text("tls_certificate_key"),
    certificateKeyPassword: await text("tls_certificate_key_password"),
  };
}

/**
 * That they hold what they should, and that the key opens: who connects with others learns only that no server could be
 * reached. @throws ConfigError naming the option
 */
export function checkTls({ ca, certificateKey, certificateKeyPassword: passphrase }: ServerTls): void {
  if (ca !== undefined) {
    mustHold("tls_ca", "certificates", () => {
      // No error to a context: it takes what holds none, or none that can be read, and trusts nobody then.
      new X509Certificate(ca);
      createSecureContext({ ca });
    });
  }
  if (certificateKey !== undefined) {
    mustHold("tls_certificate_key", "a certificate and its key", () =>
      createSecureContext({
        cert: certificateKey,
        key: certificateKey,
        ...(passphrase === undefined ? {} : { passphrase }),
      }),
    );
  }
}

function mustHold(option: string, what: string, open: () => void): void {
  try {
    open();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const why = /decrypt|password|passphrase|interrupted or cancelled/i.test(said)
      ? "the password of its key (tls_certificate_key_password_env) is missing or wrong"
      : `holds no ${what} in PEM form`;
    throw new ConfigError(`${option}: ${why} (${said})`, { cause: error });
  }
}

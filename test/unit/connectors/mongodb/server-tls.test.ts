import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { checkTls } from "../../../../lib/connectors/mongodb/server-tls.ts";
import { ConfigError } from "../../../../lib/errors.ts";
import { makeServerCertificate } from "../../../support/certificates.ts";
import { temporaryFolder } from "../../../support/files-source.ts";

const check = (ca: string) => checkTls({ ca, certificateKey: undefined, certificateKeyPassword: undefined });

test("authorities are certificates that can be read; text that only looks like them is refused, as it would trust nobody", async () => {
  await using folder = await temporaryFolder("server-tls-");
  const { caFile, keyFile } = await makeServerCertificate(folder.path);
  const [ca, key] = await Promise.all([readFile(caFile, "utf8"), readFile(keyFile, "utf8")]);
  const request = execFileSync("openssl", ["req", "-new", "-key", keyFile, "-subj", "/CN=x"], { encoding: "utf8" });

  for (const good of [ca, ca + ca, `# who signs our servers\n${ca}`, ca.replaceAll("\n", "\r\n"), ca.trim()])
    check(good);

  const bad: Readonly<Record<string, string>> = {
    "one line, with its breaks written out": ca.replaceAll("\n", "\\n"),
    "one line, with spaces for breaks": ca.replaceAll("\n", " "),
    "cut short": ca.slice(0, ca.length / 2),
    "a key": key,
    "a request for a certificate": request,
    "no PEM at all": "certificates",
    nothing: "",
  };
  for (const [what, text] of Object.entries(bad)) {
    assert.throws(
      () => check(text),
      (error) => error instanceof ConfigError && /^tls_ca: holds no certificates in PEM form/.test(error.message),
      what,
    );
  }
});

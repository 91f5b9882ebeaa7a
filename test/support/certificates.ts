import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface ServerCertificate {
  /** The authority's certificate: what a client is to trust. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A new authority in `folder`, and a certificate of it for 127.0.0.1, localhost and what only a proxy of the tests knows. Made by the program openssl. */
export async function makeServerCertificate(folder: string): Promise<ServerCertificate> {
  await mkdir(folder, { recursive: true });
  const at = (name: string) => path.join(folder, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
  await writeFile(
    at("openssl.cnf"),
    "[req]\ndistinguished_name=name\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\n" +
      "[server]\nsubjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.proxied.test\n",
  );
  const openssl = (...args: string[]) => run("openssl", [...args, "-days", "2"]);
  const common = ["req", "-x509", "-config", at("openssl.cnf"), ...newKey];
  await openssl(...common, at("ca.key"), "-subj", "/CN=test authority", "-extensions", "ca", "-out", at("ca.pem"));
  const issuer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key")];
  await openssl(
    ...common,
    at("server.key"),
    "-subj",
    "/CN=test server",
    "-extensions",
    "server",
    ...issuer,
    "-out",
    at("server.pem"),
  );
  return { caFile: at("ca.pem"), certFile: at("server.pem"), keyFile: at("server.key") };
}

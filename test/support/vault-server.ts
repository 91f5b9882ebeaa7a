import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import type { ServerCertificate } from "./certificates.ts";

const PROGRAM =
  process.env.CORE_BACKUP_TEST_VAULT ?? path.join(import.meta.dirname, "..", "peers", ".bin", "vault-peer");

const ABSENT = "no Vault server: test/peers/vault/build.sh builds it, or CORE_BACKUP_TEST_VAULT names it";

/** Why tests with a server are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noVaultServer: string | false = existsSync(PROGRAM) || process.env.CI !== undefined ? false : ABSENT;

export interface VaultServer {
  readonly address: string;
  readonly rootToken: string;
  /** The authority to trust; undefined without TLS. */
  readonly caFile: string | undefined;
  /** A request with the root token; its answer's `data` or `auth`. @throws Error for a status of 400 and above */
  admin(method: "GET" | "POST" | "DELETE", path: string, body?: object, namespace?: string): Promise<AdminAnswer>;
  stop(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: the shape differs with each path
type AdminAnswer = { readonly [key: string]: any };

/** A real OpenBao server of this test's own: in memory, unsealed, on a free port of 127.0.0.1. */
export async function startVaultServer(certificate?: ServerCertificate): Promise<VaultServer> {
  if (!existsSync(PROGRAM)) throw new Error(ABSENT);
  const rootToken = `root-${randomBytes(12).toString("hex")}`;
  const files = certificate === undefined ? [] : [certificate.certFile, certificate.keyFile];
  const child = spawn(PROGRAM, [rootToken, ...files], { stdio: ["pipe", "pipe", "inherit"] });
  const address = await firstLine(child);
  const ca = certificate === undefined ? undefined : await readFile(certificate.caFile, "utf8");

  const server: VaultServer = {
    address,
    rootToken,
    caFile: certificate?.caFile,
    admin: (method, below, body, namespace) => {
      const headers = {
        "x-vault-token": rootToken,
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
      };
      return request(`${address}/v1/${below}`, { method, headers, ca }, body);
    },
    stop: () => stopped(child),
  };
  // Only the process that was started here knows this token, so it is the one that listens there.
  await server.admin("GET", "auth/token/lookup-self");
  return server;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the Vault server has no output");
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the Vault server ended with code ${code} before it listened`);
  });
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), failed]);
  failed.catch(() => {});
  return String(line);
}

async function request(url: string, options: https.RequestOptions, body?: object): Promise<AdminAnswer> {
  const outgoing = (url.startsWith("https:") ? https : http).request(url, options);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming]: [http.IncomingMessage] = (await once(outgoing, "response")) as [http.IncomingMessage];
  const status = incoming.statusCode ?? 0;
  if (status === 204) {
    incoming.resume();
    return {};
  }
  const answer = (await json(incoming)) as AdminAnswer;
  if (status >= 400) throw new Error(`${options.method} ${url}: ${status} ${JSON.stringify(answer)}`);
  return answer.auth ?? answer.data ?? {};
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

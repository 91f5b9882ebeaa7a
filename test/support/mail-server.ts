import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import type { ServerCertificate } from "./certificates.ts";
import { freePort } from "./free-port.ts";

const PROGRAM = process.env.CORE_BACKUP_TEST_MAIL ?? path.join(import.meta.dirname, "..", "peers", ".bin", "mailpit");

const ABSENT = "no mail server: test/peers/mailpit/build.sh builds it, or CORE_BACKUP_TEST_MAIL names it";

/** Why tests with a mail server are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noMailServer: string | false = existsSync(PROGRAM) || process.env.CI !== undefined ? false : ABSENT;

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** As it came over the wire. */
  readonly raw: string;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  mails(): Promise<readonly ReceivedMail[]>;
  stop(): Promise<void>;
}

export interface MailServerOptions {
  readonly folder: string;
  readonly certificate: ServerCertificate;
  readonly tls: "starttls" | "implicit" | "none";
}

/** A Mailpit of this test's own on free ports of 127.0.0.1, with TLS and AUTH unless `tls` is none. */
export async function startMailServer({ folder, certificate, tls }: MailServerOptions): Promise<MailServer> {
  if (!existsSync(PROGRAM)) throw new Error(ABSENT);
  const [port, api] = [await freePort(), await freePort()];
  const [username, password] = ["backups", `canary4711-mail-${port}`];
  const users = path.join(folder, `users-${port}`);
  await writeFile(users, `${username}:${password}\n`);
  const secure = [
    ...["--smtp-auth-file", users, "--smtp-tls-cert", certificate.certFile, "--smtp-tls-key", certificate.keyFile],
    tls === "implicit" ? "--smtp-require-tls" : "--smtp-require-starttls",
  ];
  const child = spawn(
    PROGRAM,
    [
      ...["--smtp", `127.0.0.1:${port}`, "--listen", `127.0.0.1:${api}`, "--database", path.join(folder, `${port}.db`)],
      ...["--disable-version-check", "--smtp-disable-rdns", "--quiet"],
      ...(tls === "none" ? [] : secure),
    ],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit").then(() => true);
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  const ask = async (below: string) => (await fetch(`http://127.0.0.1:${api}${below}`)).text();
  await untilItListens(() => ask("/api/v1/info"), child.pid ?? 0, [port, api]);
  return {
    port,
    username,
    password,
    async mails() {
      const { messages }: { messages: { ID: string }[] } = JSON.parse(await ask("/api/v1/messages"));
      return Promise.all(
        messages.map(async ({ ID }) =>
          mailOf(await ask(`/api/v1/message/${ID}`), await ask(`/api/v1/message/${ID}/raw`)),
        ),
      );
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Person {
  readonly Address: string;
}

function mailOf(json: string, raw: string): ReceivedMail {
  const mail: { From: Person; To: Person[]; Subject: string; Text: string; HTML: string } = JSON.parse(json);
  const { From, To, Subject, Text, HTML } = mail;
  return { from: From.Address, to: To.map(({ Address }) => Address), subject: Subject, text: Text, html: HTML, raw };
}

/** Somebody may have taken a port that was free: what answers there has to be the process that was started. */
async function untilItListens(ask: () => Promise<string>, pid: number, ports: readonly number[]): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    const answered = await ask().then(
      () => true,
      () => false,
    );
    if (answered && (await listens(pid, ports))) return;
    await delay(25);
  }
  throw new Error("the mail server does not listen");
}

async function listens(pid: number, ports: readonly number[]): Promise<boolean> {
  const { readdir, readlink } = await import("node:fs/promises");
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")));
  const table = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  return ports.every((port) => {
    const row = table.find(
      (cells) => cells[1] === `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}` && cells[3] === "0A",
    );
    return row !== undefined && links.includes(`socket:[${row[9]}]`);
  });
}

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, type TestContext, test } from "node:test";
import { CodedError, NotifierError, TransientError } from "../../lib/errors.ts";
import { reportHtml } from "../../lib/notifiers/html.ts";
import { reportText } from "../../lib/notifiers/text.ts";
import { notifierContract } from "../contract/notifier.ts";
import { aReport } from "../support/a-report.ts";
import { makeServerCertificate, type ServerCertificate } from "../support/certificates.ts";
import { type MailServer, noMailServer, startMailServer } from "../support/mail-server.ts";
import { openedNotifier } from "../support/opened-notifier.ts";
import { startSilentServer } from "../support/silent-server.ts";

const never = new AbortController().signal;
let folder: string;
let certificate: ServerCertificate;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "core-backup-mail-"));
  certificate = await makeServerCertificate(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

const addresses = { from: "backups@example.com", to: ["ops@example.com", "oncall@example.com"] };

const optionsFor = (server: Pick<MailServer, "port">, more: object = {}) => ({
  type: "email",
  host: "127.0.0.1",
  port: server.port,
  ca_file: certificate.caFile,
  username: "backups",
  password_env: "PASSWORD",
  ...addresses,
  ...more,
});

describe("over a Mailpit with TLS and AUTH", { skip: noMailServer }, () => {
  for (const tls of ["starttls", "implicit"] as const) {
    notifierContract(`email by ${tls}`, {
      tellsGood: true,
      async make() {
        const server = await startMailServer({ folder, certificate, tls });
        return {
          options: optionsFor(server, { tls }),
          env: { PASSWORD: server.password },
          received: async () => (await server.mails()).map(({ subject, text }) => `${subject}\n${text}`),
          markup: async () => (await server.mails()).map(({ html }) => html),
          stop: server.stop,
          [Symbol.asyncDispose]: server.stop,
        };
      },
      async silent() {
        const server = await startSilentServer();
        return { ...server, options: optionsFor(server, { tls }), env: { PASSWORD: "canary4711" } };
      },
    });
  }

  test("a mail has a subject, both parts as they were made, its receivers, and says that a machine wrote it", async () => {
    await using server = await startMailServer({ folder, certificate, tls: "starttls" });
    const { notifier } = await openedNotifier(optionsFor(server), { PASSWORD: server.password });
    await notifier.send(aReport(), never);
    const [mail] = await server.mails();
    assert.ok(mail !== undefined);
    assert.equal(mail.subject, "core-backup on backup-1: docs failed");
    assert.equal(mail.from, addresses.from);
    assert.deepEqual(mail.to, addresses.to);
    const plain = (text: string) => text.replaceAll("\r\n", "\n").trim();
    assert.equal(plain(mail.text), plain(reportText(aReport())));
    assert.equal(plain(mail.html), plain(reportHtml(aReport())));
    assert.match(mail.raw, /^Auto-Submitted: auto-generated\r?$/im);
    assert.match(mail.raw, /^Date: Thu, 26 Nov 2026 03:10:00 \+0000\r?$/m);
    assert.doesNotMatch(mail.raw, /canary4711/);
  });

  test("a wrong password is refused at once, without telling it", async () => {
    await using server = await startMailServer({ folder, certificate, tls: "starttls" });
    const { notifier } = await openedNotifier(optionsFor(server), { PASSWORD: "canary4711 wrong" });
    for (const work of [() => notifier.check(never), () => notifier.send(aReport(), never)]) {
      await assert.rejects(work(), (error) => {
        return error instanceof NotifierError && error.code === "NOTIFIER_REFUSED" && !error.message.includes("canary");
      });
    }
    assert.deepEqual(await server.mails(), []);
  });

  test("a certificate of an authority that nobody named gets no password and no mail", async () => {
    await using server = await startMailServer({ folder, certificate, tls: "starttls" });
    const { ca_file: _, ...options } = optionsFor(server);
    const { notifier } = await openedNotifier(options, { PASSWORD: server.password });
    await assert.rejects(notifier.check(never), (error) => {
      return (
        error instanceof NotifierError && error.code === "NOTIFIER_UNREACHABLE" && /certificate/.test(error.message)
      );
    });
  });

  test("a server without STARTTLS is not told anything unencrypted", async () => {
    await using server = await startMailServer({ folder, certificate, tls: "none" });
    const { notifier } = await openedNotifier(optionsFor(server), { PASSWORD: server.password });
    await assert.rejects(notifier.send(aReport(), never), (error) => error instanceof CodedError);
    assert.deepEqual(await server.mails(), []);
  });

  test("a relay without encryption takes mail without credentials", async () => {
    await using server = await startMailServer({ folder, certificate, tls: "none" });
    const options = { type: "email", host: "127.0.0.1", port: server.port, tls: "none", ...addresses };
    const { notifier } = await openedNotifier(options, {});
    await notifier.send(aReport(), never);
    assert.equal((await server.mails()).length, 1);
  });
});

test("a mail server that says to come back later is tried again, one that refuses is not", async (t) => {
  let answer = "";
  const server = createServer((socket) => {
    socket.end(`${answer}\r\n`);
    socket.on("error", () => {});
  });
  t.after(() => server.close());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { notifier } = await openedNotifier(
    { type: "email", host: "127.0.0.1", port: address.port, tls: "none", ...addresses },
    {},
  );
  answer = "421 4.3.2 too busy";
  await assert.rejects(notifier.check(never), TransientError);
  answer = "554 5.7.1 not you";
  await assert.rejects(notifier.check(never), NotifierError);
});

/** Takes mail but for some, whom it answers as `refuses` says. */
async function scriptedMailServer(t: TestContext, refuses: Map<string, string>) {
  const mails: string[][] = [];
  const server = createServer((socket) => {
    let receivers: string[] = [];
    let isData = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    say("220 ready");
    socket.on("error", () => {});
    createInterface({ input: socket }).on("line", (line) => {
      if (isData && line !== ".") return;
      const [, receiver] = /^RCPT TO:<(.*)>/.exec(line) ?? [];
      const refusal = refuses.get(receiver ?? "");
      if (isData) mails.push(receivers);
      else if (line.startsWith("MAIL")) receivers = [];
      else if (receiver !== undefined && refusal === undefined) receivers.push(receiver);
      isData = line === "DATA";
      say(refusal ?? (isData ? "354 go on" : line === "QUIT" ? "221 bye" : "250 ok"));
    });
  });
  t.after(() => server.close());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const options = { type: "email", host: "127.0.0.1", port: address.port, tls: "none", ...addresses };
  return { mails, notifier: (await openedNotifier(options, {})).notifier };
}

test("a mail that one receiver is refused is no mail told, names them, and goes to nobody twice", async (t) => {
  const refuses = new Map([["oncall@example.com", "550 5.1.1 no such user"]]);
  const { mails, notifier } = await scriptedMailServer(t, refuses);
  const report = aReport();
  const refused = (error: unknown) => {
    assert.ok(error instanceof NotifierError, String(error));
    assert.equal(error.code, "NOTIFIER_REFUSED");
    assert.match(error.message, /does not take mail for oncall@example\.com .*550 5\.1\.1 no such user/);
    assert.doesNotMatch(error.message, /ops@/);
    return true;
  };
  await assert.rejects(notifier.send(report, never), refused);
  assert.deepEqual([mails, notifier.heardOf?.(report)], [[["ops@example.com"]], report.jobs.map(({ job }) => job)]);
  refuses.set("oncall@example.com", "451 4.7.1 greylisted");
  await assert.rejects(notifier.send(report, never), TransientError);
  refuses.clear();
  await notifier.send(report, never);
  assert.deepEqual(mails, [["ops@example.com"], ["oncall@example.com"]]);
});

test("a mail that every receiver is refused reached nobody, and names all of them", async (t) => {
  const refuses = new Map(addresses.to.map((address) => [address, "550 5.7.1 not from you"]));
  const { mails, notifier } = await scriptedMailServer(t, refuses);
  const report = aReport([], { kind: "test" });
  await assert.rejects(notifier.send(report, never), /ops@example\.com .*, oncall@example\.com /);
  assert.deepEqual([mails, notifier.heardOf?.(report)], [[], []]);
});

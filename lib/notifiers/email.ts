import { readFile } from "node:fs/promises";
import { createTransport } from "nodemailer";
import type { EmailOptions } from "../config/notifier-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import { ConfigError } from "../errors.ts";
import { checkEgress, vouchedFor } from "../network/egress.ts";
import { tunnelFor } from "../network/proxies.ts";
import type { Report } from "../notify/report.ts";
import { emailFault, receiversFault } from "./email-fault.ts";
import { reportHtml } from "./html.ts";
import { subject } from "./lines.ts";
import type { Notifier, NotifierContext } from "./notifier.ts";
import { requiredSecret } from "./required-secret.ts";
import { reportText } from "./text.ts";

const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;
const MAX_SUBJECT = 200;

type Transport = ReturnType<typeof transportOf>;

/** A mail with a text and an HTML part, by SMTP. A connection for each mail: there is one a run. */
export async function emailNotifier(options: EmailOptions, { secrets }: NotifierContext): Promise<Notifier> {
  const auth = await credentials(options, secrets);
  const ca = options.ca_file === undefined ? undefined : await certificates(options.ca_file);

  // Sending again does not reach twice who was reached.
  const reached = new WeakMap<Report, Set<string>>();

  async function withTransport<T>(signal: AbortSignal, work: (transport: Transport) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const { host, port } = addressOf(options);
    checkEgress(host, port);
    const transport = transportOf(options, auth, ca);
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      // The library looks the name up by itself.
      return await vouchedFor(host, port, () => Promise.race([work(transport), stopped.promise]));
    } catch (error) {
      signal.throwIfAborted();
      throw emailFault(error, options.host);
    } finally {
      signal.removeEventListener("abort", stop);
      transport.close();
    }
  }

  return {
    takesOver: true,
    async check(signal) {
      await withTransport(signal, (transport) => transport.verify());
    },
    begin: async () => {},
    async send(report, signal) {
      const took = reached.get(report) ?? new Set();
      reached.set(report, took);
      const to = options.to.filter((address) => !took.has(address));
      const envelope = { from: options.from, to };
      const mail = { ...mailOf(report, options), envelope };
      const { accepted, rejectedErrors = [] } = await withTransport(signal, (transport) => transport.sendMail(mail));
      for (const address of accepted) took.add(address);
      // A server that takes one receiver takes the mail, and says of each of the others that it does not.
      if (rejectedErrors.length > 0) throw receiversFault(rejectedErrors, options.host);
    },
    heardOf: (report) => ((reached.get(report)?.size ?? 0) > 0 ? report.jobs.map(({ job }) => job) : []),
  };
}

function transportOf(options: EmailOptions, auth: { user: string; pass: string } | undefined, ca: string | undefined) {
  const { tls, timeout } = options;
  const { host, port } = addressOf(options);
  const proxy = tunnelFor(host, port, true);
  return createTransport({
    host,
    port,
    ...(proxy === undefined ? {} : { proxy }),
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    tls: { minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) },
    ...(auth === undefined ? {} : { auth }),
    // A socket that is left behind by an aborted call ends by itself.
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

const addressOf = ({ host, port, tls }: EmailOptions) => ({ host, port: port ?? PORTS[tls] });

function mailOf(report: Report, { from, to }: EmailOptions) {
  return {
    from: { name: "core-backup", address: from },
    to: [...to],
    subject: [...subject(report)].slice(0, MAX_SUBJECT).join(""),
    date: new Date(report.at),
    text: reportText(report),
    html: reportHtml(report),
    // No answers by machines that are on holiday. https://www.rfc-editor.org/rfc/rfc3834
    headers: { "auto-submitted": "auto-generated", ...(report.status === "ok" ? {} : { importance: "high" }) },
  };
}

async function credentials(options: EmailOptions, secrets: NotifierContext["secrets"]) {
  const password = secretOf(options, "password");
  if (password === undefined) return undefined;
  const user = await requiredSecret(secrets, secretOf(options, "username"), "username");
  return { user, pass: await secrets.resolve(password) };
}

async function certificates(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(`${file} cannot be read`, { cause: error });
  }
}

import { createHmac } from "node:crypto";
import type { WebhookOptions } from "../config/notifier-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import type { Report } from "../notify/report.ts";
import type { Begun, Notifier, NotifierContext } from "./notifier.ts";
import { checkServer, post } from "./post.ts";
import { requiredSecret } from "./required-secret.ts";

type UrlName = "url" | "start_url" | "success_url" | "failure_url";

/**
 * Any HTTP server. `url` gets every report as JSON; `success_url` or `failure_url` gets it too, by how the run ended, and
 * `start_url` hears of a run that begins. With a key, `x-core-backup-signature` is the HMAC of time, full stop and body.
 */
export async function webhookNotifier(options: WebhookOptions, { secrets }: NotifierContext): Promise<Notifier> {
  const urlOf = async (name: UrlName) => {
    const reference = secretOf(options, name);
    return reference === undefined ? undefined : requiredSecret(secrets, reference, name);
  };
  const [url, start, success, failure] = await Promise.all([
    urlOf("url"),
    urlOf("start_url"),
    urlOf("success_url"),
    urlOf("failure_url"),
  ]);
  const keyReference = secretOf(options, "key");
  const key = keyReference === undefined ? undefined : await requiredSecret(secrets, keyReference, "key");
  // Trying again after a ping that failed does not send it twice.
  const sent = new WeakSet<Report>();

  async function deliver(to: string, message: Report | Begun, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify(message);
    await post({ url: to, body, headers: signatureHeaders(key, body, new Date(message.at)) }, signal);
  }

  /** A good run that leaves open what was told before is no success yet, and no further failure. */
  function pingOf({ status, jobs }: Report): string | undefined {
    if (status !== "ok") return failure;
    return jobs.every(({ standing }) => standing === undefined) ? success : undefined;
  }

  return {
    takesOver: url !== undefined,
    async check(signal) {
      const hosts = new Map(
        [url, start, success, failure].flatMap((one) => (one === undefined ? [] : [[originOf(one), one]])),
      );
      await Promise.all([...hosts.values()].map((one) => checkServer(one, signal)));
    },
    async begin(begun, signal) {
      if (start !== undefined) await deliver(start, begun, signal);
    },
    async send(report, signal) {
      if (url === undefined || sent.has(report)) return;
      await deliver(url, report, signal);
      sent.add(report);
    },
    heardOf: (report) => (sent.has(report) ? report.jobs.map(({ job }) => job) : []),
    async ping(report, signal) {
      // That a schedule was changed says nothing of any run.
      const saysNothing = report.jobs.every(({ events }) => events.every((event) => event === "changed"));
      const to = report.kind === "test" || saysNothing ? undefined : pingOf(report);
      // Where both are the same address, it has the report already.
      if (to === undefined || (to === url && sent.has(report))) return;
      await deliver(to, report, signal);
    },
  };
}

function signatureHeaders(key: string | undefined, body: string, at: Date): Record<string, string> {
  if (key === undefined) return {};
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex");
  return { "x-core-backup-timestamp": timestamp, "x-core-backup-signature": `sha256=${signature}` };
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url);

import * as z from "zod";
import type { Answer, Recorded } from "./recording-server.ts";

/**
 * The Events API v2 as PagerDuty describes it (github.com/PagerDuty/api-schema, reference/events-v2), with the bounds
 * of its documentation and no field beside those it names. It keeps incidents by their key, as PagerDuty does.
 */
export function pagerDuty(routingKey: string) {
  const incidents = new Map<string, { summary: string; triggers: number; open: boolean }>();

  function answer({ method, path, body }: Recorded): Answer {
    if (method !== "POST" || path !== "/v2/enqueue") return { status: 404 };
    const parsed = event.safeParse(JSON.parse(body));
    if (!parsed.success)
      return invalid(parsed.error.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`));
    if (parsed.data.routing_key !== routingKey) return invalid(["Invalid routing key"]);
    record(parsed.data);
    const { dedup_key } = parsed.data;
    return { status: 202, body: JSON.stringify({ status: "success", message: "Event processed", dedup_key }) };
  }

  function record({ event_action, dedup_key, payload }: z.infer<typeof event>): void {
    const before = incidents.get(dedup_key);
    if (event_action === "trigger") {
      const triggers = (before?.open ? before.triggers : 0) + 1;
      incidents.set(dedup_key, { summary: payload?.summary ?? "", triggers, open: true });
    } else if (before !== undefined) incidents.set(dedup_key, { ...before, open: false });
  }

  return { answer, incidents };
}

const invalid = (errors: readonly string[]): Answer => ({
  status: 400,
  body: JSON.stringify({ status: "invalid event", message: "Event object is invalid", errors }),
});

const payload = z.strictObject({
  summary: z.string().min(1).max(1024),
  severity: z.enum(["critical", "warning", "error", "info"]),
  source: z.string().min(1),
  timestamp: z.iso.datetime(),
  component: z.string().min(1),
  group: z.string().min(1),
  class: z.string().min(1),
  custom_details: z.record(z.string(), z.string()),
});

const event = z
  .strictObject({
    routing_key: z.string().length(32),
    event_action: z.enum(["trigger", "acknowledge", "resolve"]),
    dedup_key: z.string().min(1).max(255),
    payload: payload.optional(),
    client: z.string().optional(),
    client_url: z.url().optional(),
    links: z.array(z.strictObject({ href: z.url(), text: z.string().optional() })).optional(),
    images: z.array(z.strictObject({ src: z.url(), href: z.url().optional(), alt: z.string().optional() })).optional(),
  })
  .refine(
    ({ event_action, payload: given }) => event_action !== "trigger" || given !== undefined,
    "payload is required",
  )
  .refine((one) => JSON.stringify(one).length <= 512 * 1024, "larger than 512 KB");

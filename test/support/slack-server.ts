import type { Answer, Recorded } from "./recording-server.ts";

/**
 * Slack's answers to an incoming webhook, as strict as its documentation: what it does not know, and what is longer than
 * it allows, is refused as a whole. https://docs.slack.dev/reference/block-kit/blocks
 */
export function slackAnswer(path: string): (call: Recorded) => Answer {
  return ({ method, path: asked, headers, body }) => {
    if (method !== "POST") return { status: 405 };
    if (asked !== path) return { status: 404, body: "no_service" };
    if (!headers["content-type"]?.startsWith("application/json")) return { status: 400, body: "invalid_payload" };
    const fault = messageFault(JSON.parse(body));
    return fault === undefined ? { status: 200, body: "ok" } : { status: 400, body: `invalid_blocks: ${fault}` };
  };
}

type Fields = Readonly<Record<string, unknown>>;

function messageFault(message: unknown): string | undefined {
  if (!isFields(message)) return "no object";
  const { text, blocks, ...others } = message;
  if (Object.keys(others).length > 0) return `unknown: ${Object.keys(others)}`;
  if (typeof text !== "string" || text.length === 0 || text.length > 40_000) return "text";
  if (!Array.isArray(blocks) || blocks.length === 0 || blocks.length > 50) return `${Object(blocks).length} blocks`;
  return blocks.map(blockFault).find((fault) => fault !== undefined);
}

function blockFault(block: unknown): string | undefined {
  if (!isFields(block)) return "a block is no object";
  switch (block.type) {
    case "divider":
      return keysFault(block, ["type"]);
    case "header":
      return keysFault(block, ["type", "text"]) ?? textFault(block.text, "plain_text", 150);
    case "section":
      return keysFault(block, ["type", "text"]) ?? textFault(block.text, "mrkdwn", 3000);
    default:
      return `a block of type ${String(block.type)}`;
  }
}

function textFault(text: unknown, type: string, max: number): string | undefined {
  if (!isFields(text) || text.type !== type) return `text is not ${type}`;
  const { text: content } = text;
  if (typeof content !== "string" || content.length === 0) return "empty text";
  if (content.length > max) return `${content.length} characters in a ${type}, ${max} are allowed`;
  return keysFault(text, ["type", "text", type === "plain_text" ? "emoji" : "verbatim"]);
}

function keysFault(value: Fields, known: readonly string[]): string | undefined {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  return unknown.length === 0 ? undefined : `unknown in ${String(value.type)}: ${unknown}`;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

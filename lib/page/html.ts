import { escapeHtml } from "../escape-html.ts";
import { printable } from "../printable.ts";

/** What is HTML already; every other text is escaped when it is put in. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | undefined | readonly Part[];

/** A template that escapes what is put into it, attributes included, which are always in double quotes. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: texts.map((text, n) => text + (n < parts.length ? render(parts[n]) : "")).join("") };
}

function render(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escapeHtml(printable(part));
  return "html" in part ? part.html : part.map(render).join("");
}

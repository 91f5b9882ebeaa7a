import { createHash } from "node:crypto";
import { type Html, html } from "./html.ts";
import { style } from "./style.ts";

/**
 * An HTML document that needs nothing else: no script, no network, no font. Its policy (https://www.w3.org/TR/CSP3/) lets a browser take
 * its own style and nothing more, whatever a name may hold.
 */
export function htmlDocument(title: string, body: Html): string {
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!DOCTYPE html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${{ html: style }}</style>
</head>
<body>
${body}
</body>
</html>
`.html
  }`;
}

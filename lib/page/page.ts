import { createHash } from "node:crypto";
import { formatBytes, formatCount, formatTime } from "../format.ts";
import { type DayState, dayStates } from "../overview/days.ts";
import type { Overview } from "../overview/overview.ts";
import { stateWords } from "../overview/state-words.ts";
import { type Html, html } from "./html.ts";
import { jobArticle } from "./job-article.ts";
import { storedLine } from "./stored-line.ts";
import { style } from "./style.ts";

/**
 * The state of all jobs as one HTML document that needs nothing else: no script, no network, no font. Its policy
 * (https://www.w3.org/TR/CSP3/) lets a browser take its own style and nothing more, whatever a name may hold.
 */
export function page(overview: Overview): string {
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const ill = overview.jobs.filter(({ ok }) => !ok).length;
  const title = ill === 0 ? "Backups: all well" : `Backups: ${formatCount(ill, "job")} not well`;
  const at = new Date(overview.at);
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
<header>
<h1>${title}</h1>
<p class="quiet">${overview.config}, as of <time datetime="${overview.at}">${formatTime(at, "UTC")}</time></p>
${figures(overview, ill)}
</header>
<main>
${legend()}
${overview.jobs.length === 0 ? html`<p>There are no jobs.</p>` : ""}
${overview.jobs.map((job, n) => jobArticle(job, n, { file: overview.config, at }))}
</main>
<footer><p class="quiet">Made by ${overview.tool.name} ${overview.tool.version} from the storage alone. The last ${overview.span} days are
shown; <code>core-backup list</code> has all snapshots.</p></footer>
</body>
</html>
`.html
  }`;
}

function figures({ jobs, bytes, snapshots, storedDays: days }: Overview, ill: number): Html {
  const well = jobs.length - ill;
  return html`<dl class="figures">
<div class="${ill === 0 ? "is-well" : "is-ill"}"><dt>jobs well</dt><dd><data value="${well}">${well}</data> of ${jobs.length}</dd></div>
<div><dt>snapshots</dt><dd><data id="snapshots" value="${snapshots}">${snapshots}</data></dd></div>
<div><dt>stored</dt><dd>${storedLine(days)}<data id="bytes" value="${bytes}">${formatBytes(bytes)}</data></dd></div>
</dl>`;
}

function legend(): Html {
  const best: readonly DayState[] = [...dayStates.filter((state) => state !== "none").toReversed(), "none"];
  return html`<ul class="legend" aria-label="What the days mean">${best.map(
    (state) => html`<li><span class="day ${state}" aria-hidden="true"></span>${stateWords[state]}</li>`,
  )}</ul>`;
}

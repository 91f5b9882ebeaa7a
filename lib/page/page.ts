import { formatBytes, formatCount, formatTime } from "../format.ts";
import { type DayState, dayStates } from "../overview/days.ts";
import type { Overview } from "../overview/overview.ts";
import { stateWords } from "../overview/state-words.ts";
import { htmlDocument } from "./document.ts";
import { type Html, html } from "./html.ts";
import { jobArticle } from "./job-article.ts";
import { storedLine } from "./stored-line.ts";

/** Nothing before it holds a name that could be the same: what is put in is escaped. */
const FIGURES = '<dl class="figures">';

/** The state of all jobs as one HTML document. */
export function page(overview: Overview): string {
  const ill = overview.jobs.filter(({ ok }) => !ok).length;
  const title = ill === 0 ? "Backups: all well" : `Backups: ${formatCount(ill, "job")} not well`;
  const at = new Date(overview.at);
  return htmlDocument(
    title,
    html`<header>
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
shown; <code>core-backup list</code> has all snapshots.</p></footer>`,
  );
}

/** That document with what is to be known of itself, above all else. The rest of it is not made anew. @throws Error for one that `page` did not make */
export function withNotice(made: string, notice: string): string {
  if (!made.includes(FIGURES)) throw new Error("nothing says where in the page a notice belongs");
  return made.replace(FIGURES, () => `${html`<p class="notice" role="status">${notice}</p>`.html}\n${FIGURES}`);
}

function figures({ jobs, bytes, snapshots, storedDays: days }: Overview, ill: number): Html {
  const well = jobs.length - ill;
  return html`${{ html: FIGURES }}
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

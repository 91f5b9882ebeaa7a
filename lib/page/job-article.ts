import { formatBytes, formatDuration, formatTime } from "../format.ts";
import { snapshotTime } from "../keys.ts";
import type { JobOverview } from "../overview/overview.ts";
import { isWhole } from "../overview/run-summary.ts";
import { dayStrip } from "./day-strip.ts";
import { type Html, html } from "./html.ts";
import { jobDetails } from "./job-details.ts";
import { type PanelContext, runPanel } from "./run-panel.ts";
import { sparkline } from "./sparkline.ts";
import { storedLine } from "./stored-line.ts";

const DAY_MS = 86_400_000;

/** One job: its state in a row, what lies behind it folded away, and a panel for each run that a day leads to. */
export function jobArticle(job: JobOverview, n: number, context: PanelContext): Html {
  const id = `job-${n}`;
  return html`<article class="${job.ok ? "job" : "job is-ill"}" aria-labelledby="${id}">
<div class="row">
<div class="name">
<h2 id="${id}">${job.job}</h2>
<p><strong class="verdict">${job.ok ? "well" : "not well"}</strong> <span class="quiet">${job.service} to ${job.storage}</span></p>
</div>
${dayStrip(job, n)}
<dl class="facts">
${ageFact(job)}
<div><dt>next run</dt><dd>${nextRun(job, context.at)}</dd></div>
${sizeFact(job)}
${durationFact(job)}
${storedFact(job)}
</dl>
</div>
${lines(
  "problems",
  job.problems.map(({ code, message }) => html`<code>${code}</code> ${message}`),
)}
${lines(
  "notices",
  job.notices.map((notice) => html`${notice}`),
)}
${jobDetails(job, n)}
${job.runs.map((run) => runPanel(run, job, n, context))}
</article>
`;
}

function ageFact({ age, deadline }: JobOverview): Html {
  const text = age === null ? "no snapshot that counts" : formatDuration(age * 1000);
  const allowed = deadline === null ? "" : ` of ${formatDuration(deadline * 1000)}`;
  const part =
    age === null || deadline === null || deadline === 0 ? 0 : Math.min(100, Math.round((age / deadline) * 100));
  const bar = html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="room" width="100" height="4"/><rect class="used" width="${part}" height="4"/></svg>`;
  return html`<div><dt>age</dt><dd><data value="${age ?? ""}">${text}</data>${allowed}${deadline === null ? "" : bar}</dd></div>`;
}

function nextRun({ nextRun: next, schedule, timezone }: JobOverview, at: Date): Html {
  if (next === null) return html`${schedule === null ? "by hand" : "never"}`;
  const time = new Date(next);
  return html`<time datetime="${next}" title="${formatTime(time, timezone)}">in ${formatDuration(time.getTime() - at.getTime())}</time>`;
}

function sizeFact({ runs, growth }: JobOverview): Html {
  const sizes = runs.filter(isWhole).flatMap(({ bytes }) => bytes ?? []);
  const [newest] = sizes;
  if (newest === undefined) return html`<div><dt>size</dt><dd>none yet</dd></div>`;
  return html`<div><dt>size</dt><dd>${sparkline(sizes.toReversed(), "size of the snapshots")}
<data value="${newest}">${formatBytes(newest)}</data>${growth === null ? "" : html` <span class="quiet">${growthText(growth)}</span>`}</dd></div>`;
}

function growthText({ since, to, from, newest }: NonNullable<JobOverview["growth"]>): string {
  const days = Math.max(1, Math.round((timeOf(newest) - timeOf(since)) / DAY_MS));
  if (from === 0) return `from nothing in ${days} d`;
  const percent = Math.round((to / from - 1) * 1000) / 10;
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent)} % in ${days} d`;
}

function durationFact({ runs }: JobOverview): Html {
  const times = runs.filter(isWhole).flatMap(({ durationMs }) => durationMs ?? []);
  const [newest] = times;
  if (newest === undefined) return html`<div><dt>duration</dt><dd>none yet</dd></div>`;
  return html`<div><dt>duration</dt><dd>${sparkline(times.toReversed(), "duration of the runs")}
<data value="${newest}">${formatDuration(newest)}</data></dd></div>`;
}

function storedFact({ bytes, storedDays }: JobOverview): Html {
  return html`<div><dt>stored</dt><dd>${storedLine(storedDays)}
<data value="${bytes}">${formatBytes(bytes)}</data></dd></div>`;
}

function lines(kind: string, items: readonly Html[]): Html {
  if (items.length === 0) return html``;
  return html`<ul class="${kind}" aria-label="${kind}">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

const timeOf = (snapshot: string): number => snapshotTime(snapshot)?.getTime() ?? 0;

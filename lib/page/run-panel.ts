import { formatBytes, formatCount, formatDuration, formatTime } from "../format.ts";
import { snapshotTime } from "../keys.ts";
import { commandLine } from "../notify/job-report.ts";
import type { JobOverview } from "../overview/overview.ts";
import type { RunSummary } from "../overview/run-summary.ts";
import { stateWords } from "../overview/state-words.ts";
import { type Html, html } from "./html.ts";
import { runId } from "./run-id.ts";

export interface PanelContext {
  /** The configuration's, for commands. */
  readonly file: string;
  readonly at: Date;
}

/** Shown when something leads to it: what a run stored, what went wrong, and the command that brings it back. */
export function runPanel(run: RunSummary, job: JobOverview, n: number, context: PanelContext): Html {
  const { snapshot, state } = run;
  const id = runId(n, snapshot);
  return html`<section class="run" id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title"><span class="day ${state}" aria-hidden="true"></span>${job.job}, ${formatTime(snapshotTime(snapshot) ?? context.at, job.timezone)}: ${stateWords[state]}</h3>
<a class="close" href="#job-${n}">close</a>
<p>${summaryText(run)}</p>
${run.errors.length === 0 ? "" : html`<ul class="problems">${run.errors.map((error) => html`<li><code>${error.code}</code> ${error.unit === undefined ? "" : html`<b>${error.unit}</b>: `}${error.message}</li>`)}${more(run.moreErrors, "error")}</ul>`}
${run.wellUnits.length === 0 ? "" : html`<p class="quiet">Well: ${run.wellUnits.join(", ")}${run.moreUnits === 0 ? "" : ` and ${run.moreUnits} more`}.</p>`}
${run.artifacts === null || run.artifacts === 0 ? "" : html`<p>To have it back:</p><pre><code>${commandLine(context, "restore", job.job, ["--snapshot", snapshot, "--to", "./restored"])}</code></pre>`}
</section>
`;
}

function summaryText({
  units,
  artifacts,
  sourceBytes,
  bytes,
  durationMs,
  verified,
  proved,
  verifyMs,
}: RunSummary): Html {
  if (units === null || bytes === null || sourceBytes === null || artifacts === null)
    return html`Nothing is known of what it stored.`;
  const proof = verified
    ? html`, verified${verifyMs === null ? "" : html` in <data value="${verifyMs}">${formatDuration(verifyMs)}</data>`}, <data value="${proved}">${proved}</data> proved`
    : ", not verified";
  return html`<data value="${units}">${formatCount(units, "unit")}</data>, <data value="${artifacts}">${formatCount(artifacts, "artifact")}</data>,
<data value="${sourceBytes}">${formatBytes(sourceBytes)}</data> at the source, <data value="${bytes}">${formatBytes(bytes)}</data> stored, in <data value="${durationMs ?? ""}">${formatDuration(durationMs ?? 0)}</data>${proof}.`;
}

const more = (count: number, noun: string): Html =>
  count === 0 ? html`` : html`<li>and ${formatCount(count, `more ${noun}`)}</li>`;

import { formatBytes, formatDuration } from "../format.ts";
import type { Forecast } from "../overview/forecast.ts";
import type { JobOverview } from "../overview/overview.ts";
import type { RunSummary } from "../overview/run-summary.ts";
import { stateWords } from "../overview/state-words.ts";
import { type Html, html } from "./html.ts";
import { runId } from "./run-id.ts";

const MAX_REMOVALS = 10;

/** Folded away under a job: its runs in a table, what fails most, and what prune removes next. */
export function jobDetails(job: JobOverview, n: number): Html {
  if (job.snapshots === 0 && job.runs.length === 0) return html``;
  const schedule = job.schedule === null ? "" : html`<p>Runs at <code>${job.schedule}</code>, ${job.timezone}.</p>`;
  return html`<details>
<summary>Runs, proofs, what fails and what goes next</summary>
<p><data value="${job.snapshots}">${job.snapshots}</data> snapshots hold <data value="${job.bytes}">${formatBytes(job.bytes)}</data>; what a
later one took over from an earlier one counts in both.</p>
${schedule}
${failing(job)}
${job.prune === null ? "" : pruneNext(job.prune)}
${runsTable(job, n)}
</details>
`;
}

function failing({ failingUnits }: JobOverview): Html {
  if (failingUnits.length === 0) return html``;
  return html`<h3>Units that fail most</h3><ul>${failingUnits.map(
    ({ unit, failures, code, snapshot }) =>
      html`<li><b>${unit}</b>: <data value="${failures}">${failures}</data> times, last in ${snapshot} with <code>${code}</code></li>`,
  )}</ul>`;
}

function pruneNext({ after, removals, refused }: Forecast): Html {
  const when =
    after === null
      ? "Prune would now remove"
      : `After the run of ${after.slice(0, 16).replace("T", " ")} UTC, if it is good, prune removes`;
  if (refused !== undefined) return html`<h3>What prune removes next</h3><p>Nothing: ${refused}</p>`;
  const rest = removals.length - MAX_REMOVALS;
  return html`<h3>What prune removes next</h3><p>${when}:</p><ul>${removals
    .slice(0, MAX_REMOVALS)
    .map(
      ({ snapshot, reason }) => html`<li>${snapshot}: ${reason}</li>`,
    )}${rest > 0 ? html`<li>and ${rest} more</li>` : ""}</ul>`;
}

function runsTable({ runs, job }: JobOverview, n: number): Html {
  if (runs.length === 0) return html``;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Runs of ${job}"><table>
<thead><tr><th scope="col">run</th><th scope="col">state</th><th scope="col">units</th><th scope="col">stored</th><th scope="col">took</th><th scope="col">proved</th><th scope="col">verified and proved in</th></tr></thead>
<tbody>${runs.map((run) => row(run, n))}</tbody>
</table></div>`;
}

/** Where nothing was proved, the time of the verification is none that a restore took. */
function row(run: RunSummary, n: number): Html {
  const { snapshot, state, units, bytes, durationMs, proved, artifacts, verifyMs } = run;
  return html`<tr><th scope="row"><a href="#${runId(n, snapshot)}">${snapshot}</a></th><td>${stateWords[state]}</td><td>${figure(units, String)}</td><td>${figure(bytes, formatBytes)}</td><td>${figure(durationMs, formatDuration)}</td><td>${artifacts === null ? "" : html`<data value="${proved}">${proved}</data> of ${artifacts}`}</td><td>${figure(proved === 0 ? null : verifyMs, formatDuration)}</td></tr>
`;
}

const figure = (value: number | null, format: (value: number) => string): Html =>
  value === null ? html`` : html`<data value="${value}">${format(value)}</data>`;

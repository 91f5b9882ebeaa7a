import type { DayCell } from "../overview/days.ts";
import type { JobOverview } from "../overview/overview.ts";
import { stateWords } from "../overview/state-words.ts";
import { type Html, html } from "./html.ts";
import { runId } from "./run-id.ts";

/**
 * A cell a day. They are for eyes and pointers; the table of runs behind "Runs" leads a keyboard to the same panels,
 * without sixty stops on the way to the next job.
 */
export function dayStrip({ days, runs, job }: JobOverview, n: number): Html {
  const counts = Map.groupBy(days, ({ state }) => state);
  const said = [...counts].map(([state, { length }]) => `${length} ${stateWords[state]}`).join(", ");
  const states = new Map(runs.map(({ snapshot, state }) => [snapshot, state]));
  return html`<div class="strip">
<p class="hidden">${job}, the last ${days.length} days: ${said}.</p>
<div class="days" aria-hidden="true">${days.map((cell) => dayCell(cell, states, n))}</div>
<p class="ends quiet" aria-hidden="true"><span>${days[0]?.day}</span><span>${days.at(-1)?.day}</span></p>
</div>`;
}

/** Leads to the run that gave the day its state, and so to the worst one. */
function dayCell({ day, state, snapshots }: DayCell, states: ReadonlyMap<string, string>, n: number): Html {
  const title = `${day}: ${stateWords[state]}${snapshots.length > 1 ? ` (${snapshots.length} runs)` : ""}`;
  const worst = snapshots.find((snapshot) => states.get(snapshot) === state) ?? snapshots[0];
  if (worst === undefined) return html`<span class="day ${state}" title="${title}"></span>`;
  return html`<a class="day ${state}" href="#${runId(n, worst)}" title="${title}" tabindex="-1"></a>`;
}

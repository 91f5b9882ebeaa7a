import { htmlDocument } from "./document.ts";
import { html } from "./html.ts";

/** Stands in for the page of all jobs until there is one. `state`: how far that is, in a sentence. */
export function waitingPage(state: string): string {
  return htmlDocument(
    "Backups: not known yet",
    html`<main>
<h1>Backups: not known yet</h1>
<p class="notice" role="status">${state}</p>
<p class="quiet">The page is made from the manifests of all snapshots. It is shown by itself once it is there; or <a href="/">look again</a> by hand.</p>
</main>`,
  );
}

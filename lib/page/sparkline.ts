import { type Html, html } from "./html.ts";

const WIDTH = 64;
const HEIGHT = 18;
const MOST = 60;

/** The course of a figure, oldest first, from zero up so that small changes look small. */
export function sparkline(values: readonly number[], label: string): Html {
  const shown = values.slice(-MOST);
  if (shown.length < 2) return html``;
  const most = Math.max(...shown, 1);
  const points = shown.map((value, n) => {
    const x = (n / (shown.length - 1)) * (WIDTH - 4) + 2;
    const y = HEIGHT - 2 - (value / most) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const [lastX, lastY] = (points.at(-1) ?? "0,0").split(",");
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}"><polyline points="${points.join(" ")}"/><circle cx="${lastX}" cy="${lastY}" r="2"/></svg>`;
}

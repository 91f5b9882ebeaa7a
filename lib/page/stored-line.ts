import { formatBytes } from "../format.ts";
import type { StoredDay } from "../overview/stored-days.ts";
import type { Html } from "./html.ts";
import { sparkline } from "./sparkline.ts";

/** The course of what is stored, with its ends in words for who cannot see it. Nothing where one day alone is known. */
export function storedLine(days: readonly StoredDay[]): Html {
  const [first, last] = [days[0], days.at(-1)];
  const ends = first && last ? `, ${formatBytes(first.bytes)} on ${first.day} to ${formatBytes(last.bytes)} now` : "";
  return sparkline(
    days.map(({ bytes }) => bytes),
    `what was stored day by day${ends}`,
  );
}

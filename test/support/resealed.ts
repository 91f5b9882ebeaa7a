import { sealed } from "../../lib/seal.ts";

/** A record's text with something else in it, as if it had been written so. */
export function resealed(record: string, from: string, to: string): string {
  const { seal: _, ...rest } = JSON.parse(record.replace(from, to));
  return `${JSON.stringify(sealed(rest), null, 2)}\n`;
}

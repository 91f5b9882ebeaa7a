/** How text lies in the cells of a terminal. */

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// Scripts and ranges that Unicode's EastAsianWidth.txt calls wide, near enough to line columns up.
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|^\p{Emoji_Presentation}/u;
const PLAIN = /^[\x20-\x7E]*$/;

/** Cells that `text` takes. It must hold no control characters: see `printable` of lib/printable.ts. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** At most `width` cells; what is left out of the middle shows as `…`, since both ends of a name tell it apart. */
export function shorten(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const pieces = [...segmenter.segment(text)].map(({ segment }) => segment);
  const head = take(pieces, Math.ceil((width - 1) / 2));
  const tail = take(pieces.reverse(), width - 1 - textWidth(head.join(""))).reverse();
  return `${head.join("")}…${tail.join("")}`;
}

function take(pieces: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const piece of pieces) {
    used += textWidth(piece);
    if (used > width) break;
    taken.push(piece);
  }
  return taken;
}

import { encodedForms, plainForms } from "./secret-forms.ts";

/** Takes secret values out of text that leaves the process. */
export interface Redaction {
  /** From now on `value` and its encoded forms are taken out. An empty value is ignored. */
  add(value: string): void;
  /**
   * The text with `***` in place of every known secret. Text must be redacted before it is shortened: half a secret is not
   * recognised.
   */
  redact(text: string): string;
}

/** Below this many characters a value is taken out only where it stands alone: "db" would else break up every other word. */
const EVERYWHERE_FROM = 4;

export function createRedaction(): Redaction {
  const everywhere = new Set<string>();
  const alone = new Set<string>();

  return {
    add(value) {
      for (const plain of plainForms(value)) {
        if (plain.length < EVERYWHERE_FROM) alone.add(plain);
        else for (const form of [plain, ...encodedForms(plain)]) everywhere.add(form);
      }
    },
    redact(text) {
      const ranges: Range[] = [];
      for (const form of everywhere) ranges.push(...occurrences(text, form));
      for (const form of alone) ranges.push(...occurrences(text, form).filter((range) => standsAlone(text, range)));
      return replace(text, ranges);
    },
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function occurrences(text: string, form: string): Range[] {
  const found: Range[] = [];
  for (let from = text.indexOf(form); from !== -1; from = text.indexOf(form, from + 1)) {
    found.push({ from, to: from + form.length });
  }
  return found;
}

function standsAlone(text: string, { from, to }: Range): boolean {
  const inWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  return !inWord(text[from - 1]) && !inWord(text[to]);
}

function replace(text: string, ranges: readonly Range[]): string {
  let result = "";
  let done = 0;
  for (const { from, to } of merged(ranges)) {
    result += `${text.slice(done, from)}***`;
    done = to;
  }
  return result + text.slice(done);
}

/** Ranges that touch become one: of two secrets that share characters, replacing the first would leave the rest of the second. */
function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last === undefined || range.from > last.to) result.push(range);
    else result[result.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return result;
}

import type { ConfigFault } from "../errors.ts";

/** Masked source lines, kept beside the faults so that `--json` prints faults as they are. */
const sourceLines = new WeakMap<ConfigFault, string>();

/** How a message about a secret in the file begins: what follows its key is never shown. */
export const LITERAL = "a secret cannot stand in the configuration";

const MAX_SOURCE_WIDTH = 160;
const SECRET_KEY =
  /(["']?[\w-]*(?:token|password|passwd|passphrase|secret|private_key|api_key|access_key|webhook|credential)[\w-]*["']?\s*:\s*)(.*)$/i;
const IS_REFERENCE = /_(?:env|file|vault|secret|ssm)["']?\s*:\s*$/;
const ENV_REFERENCE = /(_env["']?\s*:\s*(?=\S))(?!["']?[A-Za-z_][A-Za-z0-9_]{0,40}["']?\s*(?:[,}#].*)?$)(.*)$/;
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:)[^\s/@]+@/gi;
/** Long runs as in tokens, keys and hashes; an ordinary path or name has breaks in it. */
const LONG_RUN = /[A-Za-z0-9+/_=-]{24,}/g;

/** `file:line:column: path: message`, or without the path for the file as a whole. One line whatever the parts hold. */
export function faultLine({ file, line, column, path, message }: ConfigFault): string {
  const about = path === "" ? "" : `${path}: `;
  return oneLine(`${file}:${line}:${column}: ${about}${message}`);
}

/** The same, with the line of the file below and a caret under the place. Values that may be secret are masked. */
export function faultWithSource(fault: ConfigFault, color = false): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const source = sourceLines.get(fault);
  const head = faultLine(fault);
  if (source === undefined || source.trim() === "") return head;
  const gutter = `${fault.line} | `;
  const caret = " ".repeat(gutter.length + [...source.slice(0, fault.column - 1)].length);
  if (fault.column > source.length + 1 || fault.column > MAX_SOURCE_WIDTH)
    return `${head}\n${paint(2, gutter)}${cut(source)}`;
  return `${head}\n${paint(2, gutter)}${cut(source)}\n${caret}${paint(31, "^")}`;
}

/** Remembers the lines of `text` that the faults are on, masked. */
export function withSource(faults: readonly ConfigFault[], text: string): readonly ConfigFault[] {
  const lines = text.split(/\r?\n/).map((line) => line.replaceAll("\t", " "));
  // First all that is known to be a secret, because another fault may be on the same line.
  for (const { line, column, message } of faults) {
    const found = lines[line - 1];
    if (found === undefined || !message.startsWith(LITERAL)) continue;
    lines[line - 1] = found.slice(0, column - 1) + found.slice(column - 1).replace(/:.*$/, ": ***");
  }
  for (const fault of faults) {
    const found = lines[fault.line - 1];
    if (found !== undefined) sourceLines.set(fault, maskedLine(oneLine(found)));
  }
  return faults;
}

/** A line of a configuration without what is, or may be, a secret. Everything before it keeps its column. */
export function maskedLine(line: string): string {
  const masked = line
    .replace(SECRET_KEY, (whole, key: string, value: string) =>
      IS_REFERENCE.test(key) || value === "" ? whole : `${key}***`,
    )
    .replace(ENV_REFERENCE, "$1***")
    .replace(URL_PASSWORD, "$1***@");
  return masked.replace(LONG_RUN, (run) => (looksRandom(run) ? "***" : run));
}

/** Tokens mix digits and letters, and have few separators for their length. */
function looksRandom(run: string): boolean {
  const longest = Math.max(...run.split(/[/_-]/).map(({ length }) => length));
  return longest >= 20 && /\d/.test(run) && /[A-Za-z]/.test(run);
}

const cut = (line: string): string =>
  line.length > MAX_SOURCE_WIDTH ? `${line.slice(0, MAX_SOURCE_WIDTH - 1)}…` : line;

/** Control characters of a name in the file must not reach a terminal. */
const oneLine = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

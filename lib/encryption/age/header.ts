import { DecryptionFault } from "../encryption.ts";
import { base64Bytes, base64Text } from "./base64.ts";

/** One recipient's way to the file key: `-> X25519 …` and a body. */
export interface Stanza {
  readonly type: string;
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

export interface Header {
  readonly stanzas: readonly Stanza[];
  /** What the MAC is made of: the text up to and with `---`. */
  readonly covered: Uint8Array;
  readonly mac: Uint8Array;
}

export const VERSION_LINE = "age-encryption.org/v1\n";
const COLUMNS = 64;
/** A visible ASCII word. */
const ARGUMENT = /^[!-~]+$/;

/** The header without its MAC. */
export function headerText(stanzas: readonly Stanza[]): string {
  return `${VERSION_LINE}${stanzas.map(stanzaText).join("")}---`;
}

function stanzaText({ type, args, body }: Stanza): string {
  const text = base64Text(body);
  const lines: string[] = text.match(new RegExp(`.{1,${COLUMNS}}`, "g")) ?? [];
  // The last line is shorter than the others, and empty where nothing is left for it.
  if (text.length % COLUMNS === 0) lines.push("");
  return `-> ${[type, ...args].join(" ")}\n${lines.join("\n")}\n`;
}

/** `text` is all of the header, with the newline that ends it. @throws DecryptionFault */
export function parseHeader(text: string): Header {
  if (!text.startsWith(VERSION_LINE)) throw new DecryptionFault("is not a file of age, version 1");
  const lines = text.slice(VERSION_LINE.length).split("\n");
  const stanzas: Stanza[] = [];
  let next = 0;
  while (lines[next]?.startsWith("-> ") === true) {
    const { stanza, end } = parseStanza(lines, next);
    stanzas.push(stanza);
    next = end;
  }
  const mac = base64Bytes(/^--- ([A-Za-z0-9+/]{43})$/.exec(lines[next] ?? "")?.[1] ?? "-");
  if (mac === undefined || lines.length !== next + 2 || lines[next + 1] !== "") {
    throw new DecryptionFault("has a header that age does not know");
  }
  if (stanzas.length === 0) throw new DecryptionFault("is encrypted for nobody");
  return { stanzas, covered: Buffer.from(text.slice(0, text.lastIndexOf("--- ") + 3), "latin1"), mac };
}

function parseStanza(lines: readonly string[], begin: number): { readonly stanza: Stanza; readonly end: number } {
  const [type, ...args] = lines[begin]?.slice("-> ".length).split(" ") ?? [];
  if (type === undefined || ![type, ...args].every((word) => ARGUMENT.test(word))) {
    throw new DecryptionFault("has a recipient that age does not know");
  }
  let body = "";
  for (let n = begin + 1; n < lines.length; n += 1) {
    const line = lines[n] ?? "";
    if (line.length > COLUMNS) break;
    body += line;
    if (line.length === COLUMNS) continue;
    const bytes = base64Bytes(body);
    if (bytes === undefined) break;
    return { stanza: { type, args, body: bytes }, end: n + 1 };
  }
  throw new DecryptionFault("has a recipient whose body is not base64");
}

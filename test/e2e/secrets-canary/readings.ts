const BASE64 = /[A-Za-z0-9+/_-]{8,}/g;
const HEX = /[0-9A-Fa-f]{16,}/g;
const ESCAPED = /\\(?:u[0-9A-Fa-f]{4}|.)/g;
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

/**
 * The ways in which a secret in `bytes` could be read out of them: as it is, and decoded as percent-encoding, as a form, as JSON (also
 * within JSON), as base64 at each alignment, and as hex. Each byte is one character. It decodes the text, so that it shares nothing with the
 * product's redaction, which encodes what it looks for.
 */
export function readingsOf(bytes: Buffer): readonly string[] {
  const text = bytes.toString("latin1");
  const once = unescaped(text);
  return [
    text,
    unpercented(text),
    unpercented(text.replaceAll("+", " ")),
    once,
    unescaped(once),
    decoded(text, BASE64, "base64", 4),
    decoded(text, HEX, "hex", 2),
  ];
}

const unpercented = (text: string): string =>
  text.replace(/%[0-9A-Fa-f]{2}/g, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));

const unescaped = (text: string): string =>
  text.replace(ESCAPED, (sequence) => {
    const kind = sequence.slice(1, 2);
    if (sequence.length > 2) return asBytes(String.fromCharCode(Number.parseInt(sequence.slice(2), 16)));
    return CONTROLS[kind] ?? kind;
  });

/** Every run of such characters, read from each of its first ones on. */
const decoded = (text: string, runs: RegExp, encoding: "base64" | "hex", alignments: number): string =>
  (text.match(runs) ?? [])
    .flatMap((run) =>
      Array.from({ length: alignments }, (_, n) => Buffer.from(run.slice(n), encoding).toString("latin1")),
    )
    .join("\n");

/** Text in UTF-8, each byte one character. */
export const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

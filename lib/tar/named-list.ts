/** A count, and the first few names: a list that stays short however much goes wrong. */
export interface NamedList {
  add(name: string, reason?: string): void;
  readonly count: number;
  /** The names that were kept, each with its reason: `./a (Permission denied)`. */
  readonly shown: readonly string[];
  /** `./a (Permission denied), ./b and 7 more` */
  summary(): string;
}

const SHOWN = 20;
const NAME_LENGTH = 300;

export function createNamedList(): NamedList {
  const shown: string[] = [];
  let count = 0;
  return {
    add(name, reason) {
      count += 1;
      if (shown.length >= SHOWN) return;
      const short = name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH)}…` : name;
      shown.push(reason === undefined ? short : `${short} (${reason})`);
    },
    get count() {
      return count;
    },
    shown,
    summary: () => shown.join(", ") + (count > shown.length ? ` and ${count - shown.length} more` : ""),
  };
}

/** A name as GNU tar prints it: control characters and bytes that are no UTF-8 escaped, so that a log line stays one. */
export function printable(name: Buffer): string {
  const text = name.toString("utf8");
  const shown = Buffer.from(text).equals(name)
    ? text
    : [...name].map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`)).join("");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return shown.replace(/[\u0000-\u001f\u007f]/g, (character) =>
    character === "\n" ? "\\n" : `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

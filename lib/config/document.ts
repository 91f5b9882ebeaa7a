import { type Document, isScalar, LineCounter, parseAllDocuments, visit } from "yaml";
import { type Places, placesOf, readNodes } from "./nodes.ts";
import type { FaultAt } from "./place.ts";

/** What a file says, and where it says it. */
export interface ConfigDocument extends Places {
  /** Plain objects, arrays and scalars; undefined when the faults leave nothing to look at. */
  readonly value: unknown;
  readonly faults: readonly FaultAt[];
  /** Both count from 1. */
  position(offset: number): { readonly line: number; readonly column: number };
}

/** After the first few, syntax faults only tell that the parser lost its way. */
const MAX_SYNTAX_FAULTS = 10;

/** What the parser says in terms of YAML's grammar, in those of who wrote the file. */
const PLAINER: ReadonlyMap<string, string> = new Map([
  ["MULTILINE_IMPLICIT_KEY", "a key needs a colon behind it on its line"],
  [
    "BLOCK_AS_IMPLICIT_KEY",
    'a second key on this line: begin a new line for it, or put a value that holds ": " in quotes',
  ],
]);
const NOT_CLOSED = "a [ or { above is not closed, or what is in it is not indented";

/** Reads YAML 1.2. Never throws for what the text holds. */
export function readDocument(text: string): ConfigDocument {
  const lines = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  // Duplicate keys are found in readNodes, where they get a path.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: "silent" } as const;
  const parsed = parseAllDocuments(text, options);
  const documents: readonly Document.Parsed[] = "empty" in parsed ? [] : parsed;
  const broken = [...syntaxFaults(documents, position), ...wholeFaults(documents)];
  const [document] = documents;
  if (broken.length > 0 || document === undefined) {
    return { value: undefined, faults: broken, position, ...placesOf(new Map()) };
  }
  return { ...readNodes(document, (offset) => position(offset).line), position };
}

function syntaxFaults(
  documents: readonly Document.Parsed[],
  position: (offset: number) => { readonly line: number },
): FaultAt[] {
  const byLine = new Map<number, FaultAt>();
  for (const document of documents) {
    for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
      if (byLine.size >= MAX_SYNTAX_FAULTS) return [...byLine.values()];
      const offset = message.startsWith("Missing closing") ? openingQuote(document, pos[0]) : pos[0];
      const { line } = position(offset);
      if (!byLine.has(line)) byLine.set(line, { offset, path: [], message: syntaxMessage(code, message) });
    }
  }
  return [...byLine.values()];
}

/** A quote that is not closed is found at the end of the file, and looked for where it was opened. */
function openingQuote(document: Document.Parsed, offset: number): number {
  let opening = offset;
  visit(document, {
    Scalar(_, { type, range }) {
      if (type?.startsWith("QUOTE") && range && range[0] < offset) opening = range[0];
    },
  });
  return opening;
}

function syntaxMessage(code: string, message: string): string {
  if (code === "TAB_AS_INDENT") return "a tab cannot indent in YAML: use spaces";
  if (code === "RESOURCE_EXHAUSTION") return "is nested too deep";
  if (code === "TAG_RESOLVE_FAILED") return "tags (!…) are not supported: leave it out";
  if (code === "BAD_ALIAS" || message.startsWith("Unexpected alias")) {
    return 'a value that begins with * must be in quotes, such as "*/15 * * * *"';
  }
  const plainer = code === "BAD_INDENT" && message.startsWith("Flow") ? NOT_CLOSED : PLAINER.get(code);
  if (plainer !== undefined) return `not YAML: ${plainer}`;
  // What follows the colon quotes the text, and that may be a secret.
  return `not YAML: ${message.replace(/: ".*$/s, "").replace('"quote', "quote")}`;
}

function wholeFaults([document, second]: readonly Document.Parsed[]): FaultAt[] {
  if (second !== undefined) {
    return [
      {
        offset: second.range[0],
        path: [],
        message: "a second document begins here: a configuration is one, without ---",
      },
    ];
  }
  const { contents } = document ?? { contents: null };
  const isEmpty = contents === null || (isScalar(contents) && contents.source === "" && contents.type === "PLAIN");
  return isEmpty
    ? [{ offset: 0, path: [], message: "the file holds no configuration: it needs jobs and storage" }]
    : [];
}

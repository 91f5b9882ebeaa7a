import { mkdirSync, rmSync } from "node:fs";
import { fastImport, gitSync } from "../test/support/git-repository.ts";

const FILES = 1_500;
const WORDS = 6_000;

/**
 * A bare repository as a busy project has it: source-like files that grow and change line by line, a few binary ones,
 * branches and tags, in one pack with deltas and a bitmap as hosts keep it. The same at every call.
 */
export async function writeHistory(repository: string, commits: number): Promise<void> {
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(repository, { recursive: true });
  gitSync(repository, ["init", "--quiet", "--bare", "--initial-branch=main", "."]);
  await fastImport(repository, history(commits));
  gitSync(repository, ["repack", "-a", "-d", "-f", "-q", "--write-bitmap-index"]);
}

function* history(commits: number): Generator<string | Uint8Array> {
  const random = generator(20_261_123);
  const pick = (count: number) => random() % count;
  const words = Array.from({ length: WORDS }, () => word(pick));
  const line = () =>
    `${"  ".repeat(pick(4))}${Array.from({ length: 2 + pick(9) }, () => words[pick(WORDS)]).join(" ")};`;
  const files = new Map<string, string[]>();
  for (let index = 0; index < commits; index += 1) {
    yield `commit refs/heads/main\ncommitter Dev ${pick(30)} <dev@example.org> ${1_500_000_000 + index * 600} +0000\n`;
    yield block(Buffer.from(`${line()}\n\n${line()}\n`));
    for (let change = 0; change <= pick(3); change += 1) {
      const name = fileName(pick(FILES), words);
      const lines = files.get(name) ?? Array.from({ length: 30 + pick(150) }, line);
      files.set(name, lines);
      for (let edit = 0; edit <= pick(8); edit += 1) lines.splice(pick(lines.length), pick(3), line());
      yield `M 100644 inline ${name}\n`;
      yield block(Buffer.from(`${lines.join("\n")}\n`));
    }
    if (index % 100 === 0) {
      yield `M 100644 inline assets/image-${pick(80)}.png\n`;
      yield block(Buffer.from(Array.from({ length: 20_000 + pick(80_000) }, () => random() & 0xff)));
    }
    if (index % 400 === 399) yield `reset refs/tags/v${index}\nfrom refs/heads/main\n\n`;
    if (index % 1_000 === 999) yield `reset refs/heads/feature-${index}\nfrom refs/heads/main\n\n`;
  }
}

const fileName = (index: number, words: readonly string[]): string =>
  `src/${words[index % 12]}/${words[100 + (index % 90)]}/${words[index]}-${index}.ts`;

const block = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`data ${bytes.byteLength}\n`), bytes, Buffer.from("\n")]);

function word(pick: (count: number) => number): string {
  return Array.from({ length: 3 + pick(8) }, () => "etaoinshrdlucmfwypvbgkjqxz"[pick(1 + pick(26))]).join("");
}

/** https://en.wikipedia.org/wiki/Xorshift, 32 bits. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

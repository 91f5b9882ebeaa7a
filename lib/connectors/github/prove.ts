import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import * as z from "zod";
import { type Bytes, lineTexts, measure, measureAll } from "../../bytes.ts";
import { disagreement, mustAgree } from "../../git/bundle-facts.ts";
import { proveBundle } from "../../git/prove.ts";
import type { Proof, ProofOptions, ProvenArtifact } from "../connector.ts";
import { FILE } from "./file-item.ts";
import { JSON_LINES, objectsIn } from "./kind-item.ts";
import { MAX_LINE_BYTES } from "./lines.ts";
import { unpacked } from "./number-facts.ts";
import { isObject, type Json } from "./pages.ts";
import { kindIn, proveReferences } from "./prove-references.ts";
import { numbering } from "./references.ts";
import { type Collected, collectedSchema, wasReadable } from "./state.ts";

const linesFacts = z.object({
  lines: z.int(),
  objects: z.int(),
  sha256: z.string(),
  /** Older versions do not tell. */
  numbers: z.string().optional(),
});
const fileFacts = z.object({ bytes: z.int(), sha256: z.string() });
const collectedFacts = z.object({ kinds: z.int(), sha256: z.string() });

/** Bundles are restored by git; JSON Lines are parsed, counted and compared, and with each other where `collected.json` is proved. @throws IntegrityError `PROOF_FAILED` */
export async function proveGithub(artifact: ProvenArtifact, bytes: Bytes, options: ProofOptions): Promise<Proof> {
  if (artifact.contentType === "application/x-git-bundle") return proveBundle(artifact, bytes, options);
  if (artifact.contentType === FILE) return proveFile(artifact, bytes);
  if (artifact.contentType === JSON_LINES) return proveLines(artifact, bytes);
  return proveCollected(artifact, bytes, options.unit ?? []);
}

/** Its bytes are those that GitHub's own digest and length were compared with when it came. */
async function proveFile(artifact: ProvenArtifact, bytes: Bytes): Promise<Proof> {
  const facts = parsedFacts(artifact, fileFacts);
  const found = await measureAll(bytes);
  mustAgree(artifact, "bytes", found.bytes, facts.bytes);
  mustAgree(artifact, "as digest", found.sha256, facts.sha256);
  return { level: "full", detail: `${found.bytes} bytes, SHA-256` };
}

async function proveLines(artifact: ProvenArtifact, bytes: Bytes): Promise<Proof> {
  const facts = parsedFacts(artifact, linesFacts);
  const measured = measure(bytes);
  let lines = 0;
  let objects = 0;
  const numbers = facts.numbers === undefined ? undefined : numbering(kindIn(artifact.path));
  for await (const text of lineTexts(measured.bytes, MAX_LINE_BYTES)) {
    lines += 1;
    const json = objectOf(artifact, text, `line ${lines}`);
    objects += objectsIn(json);
    numbers?.note(json);
  }
  mustAgree(artifact, "lines", lines, facts.lines);
  mustAgree(artifact, "objects", objects, facts.objects);
  mustAgree(artifact, "as digest", measured.result().sha256, facts.sha256);
  const told = facts.numbers === undefined ? undefined : unpacked(facts.numbers);
  if (numbers !== undefined && (told === undefined || numbers.all.symmetricDifference(told).size > 0))
    throw disagreement(artifact, "its lines are of other issues or pull requests than recorded");
  return { level: "full", detail: `${objects} objects in ${lines} lines` };
}

async function proveCollected(artifact: ProvenArtifact, bytes: Bytes, unit: readonly ProvenArtifact[]): Promise<Proof> {
  const facts = parsedFacts(artifact, collectedFacts);
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
  const whole = Buffer.concat(pieces);
  mustAgree(artifact, "as digest", createHash("sha256").update(whole).digest("hex"), facts.sha256);
  const parsed = collectedSchema.safeParse(objectOf(artifact, whole.toString("utf8"), "it"));
  if (!parsed.success) throw disagreement(artifact, "does not say what was collected");
  mustAgree(artifact, "kinds", Object.keys(parsed.data.kinds).length, facts.kinds);
  proveEnds(artifact, parsed.data, unit);
  const { compared, unasked } = proveReferences(artifact, parsed.data, unit);
  const references = compared === 0 ? "" : `, ${compared} references`;
  const untold = unasked === 0 ? "" : `, ${unasked} of them to what is missing and was not asked about`;
  return { level: "full", detail: `${facts.kinds} kinds accounted for${references}${untold}` };
}

/** A kind that was read to its end has a part that is not to be gone on from. */
function proveEnds(artifact: ProvenArtifact, { kinds }: Collected, unit: readonly ProvenArtifact[]): void {
  for (const [kind, { state }] of Object.entries(kinds)) {
    const parts = unit.filter(({ path, contentType }) => contentType === JSON_LINES && kindIn(path) === kind);
    if (wasReadable(state) && parts.length > 0 && parts.every(({ facts }) => facts.through !== undefined))
      throw disagreement(artifact, `${kind} is said to be read, and is stored in part`);
  }
}

function parsedFacts<T>(artifact: ProvenArtifact, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(artifact.facts);
  if (!parsed.success)
    throw disagreement(artifact, `the manifest lacks the facts to compare ${basename(artifact.path)} with`);
  return parsed.data;
}

function objectOf(artifact: ProvenArtifact, text: string, where: string): Json {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch (error) {
    throw disagreement(artifact, `${where} is no JSON`, error);
  }
  throw disagreement(artifact, `${where} holds no object`);
}

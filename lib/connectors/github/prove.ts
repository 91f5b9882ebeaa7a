import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import * as z from "zod";
import { type Bytes, lineTexts, measure, measureAll } from "../../bytes.ts";
import { disagreement, mustAgree } from "../../git/bundle-facts.ts";
import { proveBundle } from "../../git/prove.ts";
import type { Proof, ProvenArtifact } from "../connector.ts";
import { FILE } from "./file-item.ts";
import { JSON_LINES, objectsIn } from "./kind-item.ts";
import { MAX_LINE_BYTES } from "./lines.ts";
import { isObject } from "./pages.ts";
import { collectedSchema } from "./state.ts";

const linesFacts = z.object({ lines: z.int(), objects: z.int(), sha256: z.string() });
const fileFacts = z.object({ bytes: z.int(), sha256: z.string() });
const collectedFacts = z.object({ kinds: z.int(), sha256: z.string() });

/** Bundles are restored by git; JSON Lines are parsed, counted and compared. @throws IntegrityError `PROOF_FAILED` */
export async function proveGithub(
  artifact: ProvenArtifact,
  bytes: Bytes,
  options: { full: boolean; signal: AbortSignal },
): Promise<Proof> {
  if (artifact.contentType === "application/x-git-bundle") return proveBundle(artifact, bytes, options);
  if (artifact.contentType === FILE) return proveFile(artifact, bytes);
  return artifact.contentType === JSON_LINES ? proveLines(artifact, bytes) : proveCollected(artifact, bytes);
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
  for await (const text of lineTexts(measured.bytes, MAX_LINE_BYTES)) {
    lines += 1;
    objects += objectsIn(objectOf(artifact, text, `line ${lines}`));
  }
  mustAgree(artifact, "lines", lines, facts.lines);
  mustAgree(artifact, "objects", objects, facts.objects);
  mustAgree(artifact, "as digest", measured.result().sha256, facts.sha256);
  return { level: "full", detail: `${objects} objects in ${lines} lines` };
}

async function proveCollected(artifact: ProvenArtifact, bytes: Bytes): Promise<Proof> {
  const facts = parsedFacts(artifact, collectedFacts);
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
  const whole = Buffer.concat(pieces);
  mustAgree(artifact, "as digest", createHash("sha256").update(whole).digest("hex"), facts.sha256);
  const parsed = collectedSchema.safeParse(objectOf(artifact, whole.toString("utf8"), "it"));
  if (!parsed.success) throw disagreement(artifact, "does not say what was collected");
  mustAgree(artifact, "kinds", Object.keys(parsed.data.kinds).length, facts.kinds);
  return { level: "full", detail: `${facts.kinds} kinds accounted for` };
}

function parsedFacts<T>(artifact: ProvenArtifact, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(artifact.facts);
  if (!parsed.success)
    throw disagreement(artifact, `the manifest lacks the facts to compare ${basename(artifact.path)} with`);
  return parsed.data;
}

function objectOf(artifact: ProvenArtifact, text: string, where: string): object {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch (error) {
    throw disagreement(artifact, `${where} is no JSON`, error);
  }
  throw disagreement(artifact, `${where} holds no object`);
}

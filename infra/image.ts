import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..");
/** What .dockerignore lets into the image. */
const PARTS = ["bin", "cli", "container", "functions", "infra", "lib", "scripts", "package.json", "package-lock.json"];

/** The tag of the image of this checkout for one architecture: the same files, the same tag, so that it is built once for each. */
export function imageTag(architecture: "X86_64" | "ARM64"): string {
  const hash = createHash("sha256").update(`${architecture}\0`);
  for (const file of PARTS.flatMap((part) => filesBelow(join(ROOT, part)))) {
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

function filesBelow(path: string): readonly string[] {
  let entries: string[];
  try {
    entries = readdirSync(path).sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return [path];
    throw error;
  }
  return entries.flatMap((entry) => filesBelow(join(path, entry)));
}

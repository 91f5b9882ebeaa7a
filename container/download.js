import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

// download.js URL SHA256 FILE: for the build of the image, which has no curl. Nothing is kept that has another digest.
const [url, expected, file] = process.argv.slice(2);
const answer = await fetch(url);
if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
const bytes = Buffer.from(await answer.arrayBuffer());
const found = createHash("sha256").update(bytes).digest("hex");
if (found !== expected)
  throw new Error(`${url}: its SHA-256 is ${found}, not ${expected || "given (MONGODB_TOOLS_SHA256)"}`);
writeFileSync(file, bytes);

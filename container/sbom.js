import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

// sbom.js FILE: npm's CycloneDX document (`npm sbom`) with Node, MongoDB's tools and the packages of Debian that are installed added to it.
const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own language
const format = "${binary:Package}\t${Version}\t${Architecture}\n";
const lines = execFileSync("dpkg-query", ["--show", `--showformat=${format}`], { encoding: "utf8" })
  .trim()
  .split("\n");
const packages = lines.map((line) => {
  const [name = "", version = "", architecture = ""] = line.split("\t");
  const purl = `pkg:deb/debian/${encodeURIComponent(name.split(":")[0])}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { "bom-ref": purl, type: "library", name: name.split(":")[0], version, purl };
});
const node = process.versions.node;
const runtime = {
  "bom-ref": `pkg:generic/node@${node}`,
  type: "application",
  name: "node",
  version: node,
  purl: `pkg:generic/node@${node}`,
};
const tools = /^mongodump version: (\S+)/.exec(execFileSync("mongodump", ["--version"], { encoding: "utf8" }))?.[1];
if (tools === undefined) throw new Error("mongodump does not say its version");
const mongodb = {
  "bom-ref": `pkg:github/mongodb/mongo-tools@${tools}`,
  type: "application",
  name: "mongodb-database-tools",
  version: tools,
  licenses: [{ license: { id: "Apache-2.0" } }],
  purl: `pkg:github/mongodb/mongo-tools@${tools}`,
};
document.components = [...document.components, runtime, mongodb, ...packages];
process.stdout.write(`${JSON.stringify(document, null, 1)}\n`);

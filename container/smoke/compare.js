import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

// compare.js FOLDER: what was restored, read by git, beside what the git server says now; and both archives of MongoDB are there.

const [folder] = process.argv.slice(2);
const found = readdirSync(folder, { recursive: true });
const head = found.find((name) => name.endsWith("HEAD"));
if (head === undefined) throw new Error(`no repository among ${found.join(", ")}`);
const refs = (...args) =>
  execFileSync("git", args, { encoding: "utf8" })
    .split("\n")
    .map((line) => line.replace(/\s+/, " "))
    .filter((line) => / refs\/(heads|tags)\//.test(line))
    .sort()
    .join("\n");
const restored = refs("--git-dir", join(folder, head, ".."), "show-ref");
const source = refs("ls-remote", "http://git:8080/demo.git");
if (source === "" || restored !== source) throw new Error(`restored:\n${restored}\nsource:\n${source}`);
const archives = found.filter((name) => name.endsWith(".archive"));
if (archives.length !== 2) throw new Error(`not two archives among ${found.join(", ")}`);
process.stdout.write(`restored refs are those of the source:\n${restored}\n`);

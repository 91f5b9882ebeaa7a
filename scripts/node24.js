import path from "node:path";
import process from "node:process";
import { launch } from "../bin/launch.js";

// `node scripts/node24.js FILE [ARGUMENTS]` runs FILE in Node 24 whatever the Node at hand: the npm scripts start here.
await launch(path.resolve(process.argv[2]), process.argv.slice(3));

#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./launch.js";

// A checkout has the sources, a published package what was built from them.
const source = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const built = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
await launch(existsSync(source) ? source : built, process.argv.slice(2));

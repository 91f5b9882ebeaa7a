// Read by serverless.yml, whose reader takes no TypeScript itself.
if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error("deploying needs Node 24, which comes along: npm run serverless -- deploy");
}

export { functions, resources } from "./stack.ts";

// Read by serverless.yml, whose reader takes no TypeScript itself.
export { resources } from "./bucket.ts";

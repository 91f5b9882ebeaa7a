import { answerGraphql, graphqlFaults } from "../test/support/github-graphql.ts";
import { type GithubServer, startGithub } from "../test/support/github-server.ts";

const LATENCY_MS = 20;

/** A server of GitHub's API and of git for a rival and for us, whose token may be any, and which takes 20 ms to answer. @throws where GitHub's schema is not installed */
export async function serveOrganization(root: string): Promise<GithubServer> {
  // Without it (test/peers/github) no question is answered, and we would ask for all that they save.
  await graphqlFaults("{ rateLimit { cost } }");
  const server = await startGithub(root);
  server.anyToken = true;
  server.latencyMs = LATENCY_MS;
  answerGraphql(server);
  server.objects.set("/user", { id: 1, login: "bench" });
  return server;
}

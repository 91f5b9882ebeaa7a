import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface FakeKubernetes {
  readonly address: string;
  /** A new token of the service account `name` in the namespace `backups`. */
  issue(name: string): string;
  stop(): Promise<void>;
}

interface TokenReview {
  readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
}

/** The one part of Kubernetes that Vault asks when a pod logs in: the review of a service account's token. */
export async function startFakeKubernetes(): Promise<FakeKubernetes> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const accounts = new Map<string, string>();

  async function review(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { spec } = (await json(request)) as TokenReview;
    const name = accounts.get(spec.token);
    const user = { username: `system:serviceaccount:backups:${name}`, uid: `uid-of-${name}` };
    const status =
      name === undefined ? { authenticated: false } : { authenticated: true, user, audiences: spec.audiences };
    response.setHeader("content-type", "application/json");
    response.writeHead(request.url === "/apis/authentication.k8s.io/v1/tokenreviews" ? 201 : 404);
    response.end(JSON.stringify({ kind: "TokenReview", apiVersion: "authentication.k8s.io/v1", spec, status }));
  }

  const server = createServer((request, response) => {
    review(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    issue(name) {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const account = { namespace: "backups", serviceaccount: { name, uid: `uid-of-${name}` } };
      const content = `${part({ alg: "ES256", typ: "JWT" })}.${part({ aud: ["vault"], "kubernetes.io": account })}`;
      const signature = sign("sha256", Buffer.from(content), { key: privateKey, dsaEncoding: "ieee-p1363" });
      const token = `${content}.${signature.toString("base64url")}`;
      accounts.set(token, name);
      return token;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

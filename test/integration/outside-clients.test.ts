import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, createServer as createPlainServer } from "node:net";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { limitEgress } from "../../lib/network/egress.ts";
import { egressList } from "../../lib/network/egress-list.ts";
import { useProxies } from "../../lib/network/proxies.ts";
import { givenProxy } from "../../lib/network/proxy-variables.ts";
import { makeServerCertificate, type ServerCertificate } from "../support/certificates.ts";
import { type Outside, outsideClients } from "../support/outside-clients.ts";
import { noSquid, type Squid, startSquid } from "../support/squid.ts";
import { temporaryFolder } from "../support/stores.ts";

const PASSWORD = "canary4711proxy";
/** Only the proxy knows such a name: who does not ask it reaches nobody. */
const hostOf = (client: string): string => `${client}.proxied.test`;
const clients = Object.entries(outsideClients);

const UNLISTED = "unlisted.proxied.test";

/** Whom each request was for, and every connection. */
interface Heard {
  readonly hosts: string[];
  connections: number;
}

const portOf = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port;

/** Servers that answer every request with a refusal, and a mail server that takes no mail. */
async function startServers({ certFile, keyFile }: ServerCertificate) {
  const heard: Heard = { hosts: [], connections: 0 };
  const answer = ({ headers, url = "" }: IncomingMessage, response: ServerResponse) => {
    heard.hosts.push(String(headers.host));
    const code = url.endsWith("/HEAD") ? 404 : 403;
    response.writeHead(code, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify({ __type: "AccessDeniedException", message: "no" }));
  };
  const plain = createServer(answer);
  const secure = createSecureServer({ cert: await readFile(certFile), key: await readFile(keyFile) }, answer);
  const mail = createPlainServer((socket) => {
    heard.connections += 1;
    socket.on("error", () => {});
    socket.write("220 mail.test\r\n");
    socket.on("data", () => {
      heard.hosts.push(`${hostOf("email")}:${portOf(mail)}`);
      socket.end("554 no\r\n");
    });
  });
  for (const server of [plain, secure, mail]) {
    server.on("connection", () => {
      heard.connections += 1;
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const letGo = (server: Server) => {
    server.closeAllConnections();
    server.close();
  };
  return {
    heard,
    http: portOf(plain),
    https: portOf(secure),
    mail: portOf(mail),
    async stop() {
      letGo(plain);
      letGo(secure);
      mail.close();
    },
  };
}

/** Stands before the proxy and counts who comes to it: that one who was refused never came is in no log of the proxy. */
async function startFront(proxyPort: number) {
  const seen = { connections: 0 };
  const front = createPlainServer((socket) => {
    seen.connections += 1;
    const on = connect(proxyPort, "127.0.0.1");
    for (const [one, other] of [[socket, on] as const, [on, socket] as const]) {
      one.on("error", () => other.destroy());
      one.pipe(other);
    }
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  return { seen, port: portOf(front), stop: () => front.close() };
}

/** What became of it: an error's code and message, and all that it was made of. */
async function outcome(client: string, outside: Outside): Promise<{ readonly code: string; readonly text: string }> {
  const url = `${outside.scheme}://${outside.host(client)}:${outside.port}`;
  const signal = AbortSignal.timeout(30_000);
  try {
    await outsideClients[client]?.(url, outside, signal);
    return { code: "", text: "" };
  } catch (error) {
    const parts: string[] = [];
    for (let at = error; at instanceof Error; at = at.cause) parts.push(at.message);
    const isCoded = error instanceof Error && "code" in error;
    return { code: isCoded ? String(error.code) : "", text: parts.join("\n") };
  }
}

describe("every kind of client that asks somebody else", { skip: noSquid }, () => {
  let squid: Squid;
  let front: Awaited<ReturnType<typeof startFront>>;
  let servers: Awaited<ReturnType<typeof startServers>>;
  let certificate: ServerCertificate;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const trusted = getCACertificates("default");
  const gitTrusts = process.env.GIT_SSL_CAINFO;

  before(async () => {
    folder = await temporaryFolder();
    certificate = await makeServerCertificate(folder.path);
    servers = await startServers(certificate);
    // It knows the unlisted one too, so that who asks for that reaches a server, which counts.
    squid = await startSquid(PASSWORD, [UNLISTED, ...clients.map(([client]) => hostOf(client))]);
    front = await startFront(squid.port);
    setDefaultCACertificates([...trusted, await readFile(certificate.caFile, "utf8")]);
    process.env.GIT_SSL_CAINFO = certificate.caFile;
  });

  after(async () => {
    useProxies({}, false);
    limitEgress(undefined);
    setDefaultCACertificates(trusted);
    if (gitTrusts === undefined) delete process.env.GIT_SSL_CAINFO;
    else process.env.GIT_SSL_CAINFO = gitTrusts;
    await servers.stop();
    front.stop();
    await squid[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const outside = (scheme: "http" | "https", host: (client: string) => string): Outside => ({
    scheme,
    host,
    port: servers[scheme],
    mailPort: servers.mail,
    caFile: certificate.caFile,
  });
  const enter = (password: string) =>
    useProxies(givenProxy(`http://user:${password}@127.0.0.1:${front.port}`, []), true);
  const portFor = (client: string, scheme: "http" | "https") => (client === "email" ? servers.mail : servers[scheme]);

  for (const scheme of ["https", "http"] as const)
    for (const [client] of clients.filter(([name]) => scheme === "https" || name !== "email"))
      test(`${client} over ${scheme} reaches its server by the proxy, and a wrong password of it is told`, async () => {
        const { hosts } = servers.heard;
        const place = `${hostOf(client)}:${portFor(client, scheme)}`;
        enter("canary-of-another");
        const refused = await outcome(client, outside(scheme, hostOf));
        assert.match(
          refused.text,
          new RegExp(`the proxy 127\\.0\\.0\\.1:${front.port} wants other credentials \\(407\\)`),
        );
        if (client !== "eventbridge") assert.equal(refused.code, "PROXY_REFUSED");
        assert.doesNotMatch(refused.text, /canary-of-another/);
        assert.ok(!hosts.includes(place), "the server was reached past the proxy");
        enter(PASSWORD);
        const seen = front.seen.connections;
        const { text } = await outcome(client, outside(scheme, hostOf));
        assert.ok(front.seen.connections > seen, "nobody came by the front of the proxy");
        assert.ok(hosts.includes(place), `${place} was not reached by the proxy, but ${hosts.at(-1)}: ${text}`);
        assert.doesNotMatch(text, new RegExp(PASSWORD));
      });

  for (const way of ["directly", "by a proxy that is listed"] as const)
    for (const [client] of clients)
      test(`${client} asks nobody whom egress.allow does not list, ${way}`, async () => {
        const isDirect = way === "directly";
        if (isDirect) useProxies({}, false);
        else enter(PASSWORD);
        const host = isDirect ? () => "127.0.0.1" : () => UNLISTED;
        // The front is of this process, and reaches the proxy only where that is listed too.
        const proxyPorts = [front.port, squid.port];
        const seen = servers.heard.connections;
        limitEgress(egressList(proxyPorts.map((port) => `127.0.0.1:${port}`)));
        const refused = await outcome(client, outside("https", host)).finally(() => limitEgress(undefined));
        assert.equal(servers.heard.connections, seen, "a connection was made");
        assert.ok(
          refused.text.includes(`${host()}:${portFor(client, "https")} is not in egress.allow`),
          `${client}: ${refused.text}`,
        );
        if (client !== "eventbridge") assert.equal(refused.code, "EGRESS_REFUSED");
      });

  for (const [client] of clients)
    test(`${client} asks no proxy whom egress.allow does not list`, async () => {
      enter(PASSWORD);
      const seen = front.seen.connections;
      limitEgress(egressList(["*.proxied.test"]));
      const host = () => UNLISTED;
      const refused = await outcome(client, outside("https", host)).finally(() => limitEgress(undefined));
      assert.equal(front.seen.connections, seen, "the proxy was connected to");
      assert.ok(refused.text.includes(`127.0.0.1:${front.port} is not in egress.allow`), `${client}: ${refused.text}`);
      if (client !== "eventbridge") assert.equal(refused.code, "EGRESS_REFUSED");
    });

  test("stands in the proxy's own log, and no unlisted host does", async () => {
    await servers.stop();
    const lines = await squid.ended();
    for (const [client] of clients)
      assert.ok(
        lines.some((line) => new RegExp(`^(200 CONNECT |\\d+ \\w+ http://)${hostOf(client)}:\\d+`).test(line)),
        `${client} is not in\n${lines.join("\n")}`,
      );
    assert.deepEqual(
      lines.filter((line) => line.includes(UNLISTED)),
      [],
    );
  });
});

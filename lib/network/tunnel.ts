import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import { isRefusal, proxyPlace, proxyRefusal } from "./refusal.ts";

/** A connection to a host by way of an HTTP proxy's CONNECT, for what is no HTTP or wants a connection of its own. */
export function openTunnel(proxy: string, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const { protocol, hostname, port: proxyPort, username, password } = new URL(proxy);
  const target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization =
    username === "" && password === ""
      ? {}
      : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
  const request = (protocol === "https:" ? https : http).request({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: proxyPort === "" ? (protocol === "https:" ? 443 : 80) : Number(proxyPort),
    method: "CONNECT",
    path: target,
    headers: { host: target, ...authorization },
    agent: false,
    timeout: timeoutMs,
  });
  return new Promise((resolve, reject) => {
    request.on("connect", ({ statusCode }, socket) => {
      socket.setTimeout(0);
      if (statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      const status = statusCode ?? 0;
      const place = proxyPlace(proxy);
      reject(isRefusal(status) ? proxyRefusal(status, proxy) : new Error(`the proxy ${place} answers ${status}`));
    });
    request.on("timeout", () =>
      request.destroy(new Error(`no answer of the proxy ${proxyPlace(proxy)} within ${timeoutMs / 1000} s`)),
    );
    request.on("error", reject);
    request.end();
  });
}

import { AsyncLocalStorage } from "node:async_hooks";
import { Socket } from "node:net";
import { EgressError } from "../errors.ts";
import { type EgressList, placeOf } from "./egress-list.ts";

/**
 * The hosts that this process may reach: one list for all of it, as there is one network. Whoever is about to ask a host
 * asks `checkEgress` first, also where a proxy will make the connection. Below that, no socket connects to what is not in
 * the list: servers that a driver hears of from another one, and whatever forgot to ask.
 */
let list: EgressList | undefined;
const vouched = new AsyncLocalStorage<true>();

/** From now on no other host; undefined: any. Returns what was the limit until now. */
export function limitEgress(allowed: EgressList | undefined): EgressList | undefined {
  const before = list;
  list = allowed;
  if (allowed !== undefined) guardSockets();
  return before;
}

/** @throws EgressError */
export function checkEgress(host: string, port: number): void {
  if (list === undefined || list.allows(host, port)) return;
  throw new EgressError(placeOf(host, port), list.name);
}

/** @throws EgressError */
export function checkEgressTo(url: string): void {
  const { hostname, port, protocol } = new URL(url);
  checkEgress(hostname, port === "" ? (protocol === "https:" ? 443 : 80) : Number(port));
}

/** For a library that looks the host up by itself and connects to the address: the sockets of `work` are for this host. @throws EgressError */
export function vouchedFor<T>(host: string, port: number, work: () => T): T {
  checkEgress(host, port);
  return vouched.run(true, work);
}

let isGuarded = false;

/** Every TCP connection of Node begins with this method, TLS included; one over a socket that is there already does not. */
function guardSockets(): void {
  if (isGuarded) return;
  isGuarded = true;
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function guarded(this: Socket, ...args: unknown[]): Socket {
    const { host, port, path } = targetOf(args);
    if (path === undefined && list !== undefined && vouched.getStore() === undefined && !list.allows(host, port)) {
      const error = new EgressError(placeOf(host, port), list.name);
      // As a connection that fails, so that whoever waits for it hears of it.
      process.nextTick(() => this.destroy(error));
      return this;
    }
    return Reflect.apply(connect, this, args);
  };
}

/** The arguments as `net.connect` hands them on: an array of its own, options, or port and host. */
function targetOf([first, second]: unknown[]): {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
} {
  const given: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof given === "object" && given !== null) {
    if ("path" in given && typeof given.path === "string") return { host: "", port: 0, path: given.path };
    const host = "host" in given && typeof given.host === "string" ? given.host : "localhost";
    return { host, port: "port" in given ? Number(given.port) : 0 };
  }
  if (typeof given === "string" && !/^\d+$/.test(given)) return { host: "", port: 0, path: given };
  return { host: typeof second === "string" ? second : "localhost", port: Number(given) };
}

import process from "node:process";
import { useProxies } from "../../../network/proxies.ts";
import { proxiesOf } from "../../../network/proxy-variables.ts";
import { GUARD_DISMISSED, GUARD_READY, type GuardOrders } from "./guard.ts";
import { undo } from "./undo.ts";

/*
 * The guard's own process. It is told by one line of JSON what to watch over, and then hears nothing until it is
 * dismissed. When its input ends without that, the one who did something to containers is dead, and it undoes that.
 */

/** Beyond the limit, after which the holder releases them itself, if it still can. */
const GRACE_MS = 30_000;

// Signals that end a whole session are for the others; the guard ends by itself.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});

let heard = "";
let orders: GuardOrders | undefined;
let timer: NodeJS.Timeout | undefined;
const ended = new Promise<void>((resolve) => {
  process.stdin.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
    const end = heard.indexOf("\n");
    if (orders !== undefined || end === -1) return;
    orders = JSON.parse(heard.slice(0, end)) as GuardOrders;
    heard = heard.slice(end + 1);
    if ("limitMs" in orders.undo) timer = setTimeout(resolve, orders.undo.limitMs + GRACE_MS);
    process.stdout.write(GUARD_READY);
  });
  process.stdin.on("end", resolve).on("error", resolve);
});
// Who reads it may be dead.
process.stdout.on("error", () => {});

await ended;
// They are among the variables that a program gets; of which hosts may be reached its owner has decided.
try {
  useProxies(proxiesOf(process.env), false);
} catch {
  // A variable that is no proxy is no reason to leave containers stopped: most engines are reached without one.
}
clearTimeout(timer);
if (orders !== undefined && !heard.includes(GUARD_DISMISSED)) await undo(orders);
process.exit(0);

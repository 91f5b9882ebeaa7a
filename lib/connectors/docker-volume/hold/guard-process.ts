import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { useProxies } from "../../../network/proxies.ts";
import { proxiesOf } from "../../../network/proxy-variables.ts";
import { findContainer } from "../engine/api.ts";
import { openEngine } from "../engine/engine.ts";
import { runCommands } from "../exec.ts";
import { GUARD_DISMISSED, GUARD_READY, type GuardOrders } from "./guard.ts";
import { mendHelper } from "./mend.ts";

/*
 * The guard's own process. It is told by one line of JSON what to watch over, and then hears nothing until it is
 * dismissed. When its input ends without that, the one who did something to containers is dead, and it undoes that.
 */

/** Beyond the limit, after which the holder releases them itself, if it still can. */
const GRACE_MS = 30_000;
const ATTEMPTS = 60;
const UNDO_MS = 600_000;
const PAUSE_MS = 5_000;

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
if (orders !== undefined && !heard.includes(GUARD_DISMISSED)) await undoAll(orders);
process.exit(0);

async function undoAll({ place, undo }: GuardOrders): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      const signal = AbortSignal.timeout(UNDO_MS);
      const engine = await openEngine(place, signal);
      if ("helper" in undo) {
        const found = await findContainer(engine, undo.helper, signal);
        if (found !== undefined) {
          const helper = { Id: found.Id, Names: [found.Name], Labels: found.Config.Labels };
          await mendHelper(engine, helper, new Date(), signal);
        }
      } else await runCommands(engine, undo.source, undo.commands, signal);
      await engine.close();
      return;
    } catch {
      // There is nobody to tell. Labels stay, and the next command finds them; a container that another guard has not
      // let go on yet runs a command later.
      await delay(PAUSE_MS);
    }
  }
}

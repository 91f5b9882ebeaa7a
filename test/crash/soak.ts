import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/**
 * The long form. `npm run soak -- --whole` goes once through the complete enumeration, however long it takes; `--share 1/4` takes
 * one part of four of it. `npm run soak -- --minutes 60` goes round through it in another order and with other sizes and days each
 * time, until the time is up. `--seed` does a round again that found something; `--rounds` ends after so many. `--only kills,stops`
 * goes through these kinds alone. Each promises 10,000 faults (a share its part of them; rounds, and kinds without `faults`, none), or as
 * many as `--least` says, and fails with fewer. A process for each processor. Ended before its time (Ctrl-C) it says what it had done.
 */
// In a group of its own: Ctrl-C reaches all of a terminal's, and would end servers and children in the middle of their pieces.
const run = fork(join(import.meta.dirname, "soak-run.ts"), process.argv.slice(2), { detached: true });
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    console.log("ending: what is under way is still done");
    if (run.connected) run.send("end");
  });
const [code] = await once(run, "exit");
process.exitCode = code ?? 1;

import process from "node:process";

// Loaded before the program where launch.js runs it in a newer Node. Who kills the launcher means the program: a lone
// program that went on would hold a run that everybody takes for dead.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.channel?.unref();

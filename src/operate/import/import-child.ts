/*
 * Run by import-queue.test.ts as a process of its own: imports, and kills itself with SIGKILL after its nth step. Prints the
 * steps. Usage: import-child.ts QUEUE HOME N
 */
import { writeSync } from "node:fs";
import { loadRouting } from "#users";
import { importQueue } from "./import-queue.ts";

const [classic = "", home = "", killAfter = ""] = process.argv.slice(2);
let steps = 0;

await importQueue({
  classic,
  home,
  routing: loadRouting(home),
  dry: false,
  afterStep(step) {
    writeSync(1, `${step}\n`);
    if (++steps < Number(killAfter)) return;
    process.kill(process.pid, "SIGKILL");
    for (;;); // The signal is on its way.
  },
});

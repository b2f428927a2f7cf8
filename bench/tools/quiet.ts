import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { machineBusySeconds } from "./process-tree.ts";

/** The part of a machine that others may use before a run counts as noisy (the comparison quoted in DESIGN took 15%). */
export const noisyShare = 0.15;

const quietWaitMs = 8_000;
const lookMs = 330;

/** Waits, at most 8 s, until the rest of the machine has been quiet for a third of a second. */
export async function waitForQuiet(): Promise<void> {
  const deadline = Date.now() + quietWaitMs;
  while (Date.now() < deadline) {
    const before = machineBusySeconds();
    await sleep(lookMs);
    if ((machineBusySeconds() - before) / ((lookMs / 1000) * availableParallelism()) < noisyShare) return;
  }
}

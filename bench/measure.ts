/** One run: a fresh server, a warm-up, the load, and the moment when the last message has arrived where it should. */
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cell } from "./cells.ts";
import type { Contender } from "./peers/server.ts";
import { openStage, type Stage } from "./stage.ts";
import { machineBusySeconds, processCpuSeconds, treePssBytes, treeRssBytes } from "./tools/process-tree.ts";
import { waitForQuiet } from "./tools/quiet.ts";

/** What one run showed. Rates are messages per second; CPU is of all server processes, in seconds per 1000 messages. */
export type Run = {
  readonly messages: number;
  readonly rate: number;
  readonly acceptedRate: number;
  readonly userPer1000: number;
  readonly systemPer1000: number;
  readonly peakRssMb: number;
  /** null where the kernel does not tell. */
  readonly pssMb: number | null;
  readonly processes: number;
  /** Part of the machine that others used meanwhile, 0..1; kernel threads (journal, block layer) count as others. */
  readonly noise: number;
};

/** How long a run takes. */
export type Length = {
  /** A server is warmed up with real work for this long at least. */
  readonly warmSeconds: number;
  /** A cell's messages are what a fast server needs about this long for. */
  readonly seconds: number;
  /** A server that would need longer than this gets fewer messages. */
  readonly maxSeconds: number;
  /** Whether a run waits for a quiet machine first, or takes it as it is. */
  readonly patience: "wait" | "none";
};

/** CPU time is read this long after the last arrival: reports, log lines and removals belong to a message too. */
const settleMs = 500;
const memoryLookMs = 500;

/** Fewer than this tell nothing, however slow a server is; a kept connection must have time to be more than its opening. */
const fewestMessages = (cell: Cell): number => (cell.perConnection === "many" ? 30 * cell.sessions : 60);

/** How many messages a run sends: as many as the cell says, or as the server can take in `maxSeconds` at its rate. */
export function messagesFor(cell: Cell, rate: number, length: Length): number {
  const wanted = Math.round((cell.expectedRate * length.seconds) / 100) * 100;
  const possible = Math.ceil((rate * length.maxSeconds) / 10) * 10;
  return Math.max(Math.min(wanted, possible), Math.min(fewestMessages(cell), wanted));
}

/** Sends batches that grow with the server until it has worked for `warmSeconds`; resolves with the rate of the last. */
async function warmUp(stage: Stage, cell: Cell, warmSeconds: number): Promise<number> {
  const startedAt = performance.now();
  let batch = Math.max(20, 2 * cell.sessions);
  let rate = 0;
  while (performance.now() - startedAt < warmSeconds * 1000) {
    rate = batch / (await stage.pass(cell, batch)).arrived;
    batch = Math.min(2000, Math.max(batch, Math.round(rate * 0.7)));
  }
  return rate;
}

/** Samples memory until told to stop; resolves with the peaks. */
function watchMemory(pid: number): () => { readonly rssMb: number; readonly processes: number } {
  let rss = 0;
  let processes = 0;
  const look = (): void => {
    const now = treeRssBytes(pid);
    rss = Math.max(rss, now.bytes);
    processes = Math.max(processes, now.processes);
  };
  const timer = setInterval(look, memoryLookMs);
  return () => {
    clearInterval(timer);
    look();
    return { rssMb: rss / 2 ** 20, processes };
  };
}

/** CPU of what belongs to the benchmark but is not the server: this process, load tools that have ended, the sink. */
function toolsCpu(stage: Stage): number {
  return processCpuSeconds(process.pid) + processCpuSeconds(stage.sink.pid);
}

/** Runs one cell once. */
export async function measure(contender: Contender, cell: Cell, work: string, length: Length): Promise<Run> {
  const stage = await openStage(contender, work);
  try {
    const warmRate = await warmUp(stage, cell, length.warmSeconds);
    const messages = messagesFor(cell, warmRate, length);
    if (length.patience === "wait") await waitForQuiet();
    const { pid } = stage.server;
    const before = { cpu: stage.cpu(), busy: machineBusySeconds(), tools: toolsCpu(stage), at: performance.now() };
    const memory = watchMemory(pid);
    const seconds = await stage.pass(cell, messages);
    const peaks = memory();
    const pss = treePssBytes(pid);
    await sleep(settleMs);
    const cpu = stage.cpu();
    const user = cpu.user - before.cpu.user;
    const system = cpu.system - before.cpu.system;
    const others = machineBusySeconds() - before.busy - (toolsCpu(stage) - before.tools) - user - system;
    const machineSeconds = ((performance.now() - before.at) / 1000) * availableParallelism();
    return {
      messages,
      rate: messages / seconds.arrived,
      acceptedRate: messages / seconds.accepted,
      userPer1000: (user / messages) * 1000,
      systemPer1000: (system / messages) * 1000,
      peakRssMb: peaks.rssMb,
      pssMb: pss === null ? null : pss / 2 ** 20,
      processes: peaks.processes,
      noise: Math.max(0, others / machineSeconds),
    };
  } finally {
    await stage.close();
  }
}

/** One run: a fresh server, a warm-up, the load, and the moment when the last message has arrived where it should. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cell } from "./cells.ts";
import { type Load, type Sink, sendLoad, startSink } from "./load.ts";
import { machineBusySeconds, processCpuSeconds, treeCpu, treePssBytes, treeRssBytes } from "./process-tree.ts";
import { freePort, waitUntil } from "./processes.ts";
import type { Contender, Server } from "./server.ts";

/** What one run showed. Rates are messages per second; CPU is of all server processes, in seconds per 1000 messages. */
export type Run = {
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

const arrivalLimitMs = 180_000;
/** CPU time is read this long after the last arrival: reports, log lines and removals belong to a message too. */
const settleMs = 500;
const quietShare = 0.15;
const quietWaitMs = 8_000;

/** A server with its sink, ready for a load; counts what has arrived. */
export type Stage = {
  readonly server: Server;
  readonly sink: Sink;
  arrived(flow: Cell["flow"]): number;
  /** Sends a load for a cell and waits until all of it has arrived; resolves with seconds until accepted and until arrived. */
  pass(cell: Cell, messages: number): Promise<{ readonly accepted: number; readonly arrived: number }>;
  close(): Promise<void>;
};

function filesIn(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0; // The first delivery makes the Maildir.
    throw error;
  }
}

/** Starts a contender on an empty folder below `work`, with a sink of its own. */
export async function openStage(contender: Contender, work: string, wrapper: readonly string[] = []): Promise<Stage> {
  const folder = mkdtempSync(join(work, `${contender.name.toLowerCase()}-`));
  const home = join(folder, "home");
  mkdirSync(home);
  chmodSync(folder, 0o755); // Servers run under uids of their own.
  const sink = await startSink(await freePort());
  let server: Server;
  try {
    server = await contender.start({ folder: home, sinkPort: sink.port, wrapper });
  } catch (error) {
    await sink.stop();
    throw error;
  }
  const arrived: Stage["arrived"] = (flow) => (flow === "sink" ? sink.received() : filesIn(server.newFolder));
  return {
    server,
    sink,
    arrived,
    async pass(cell, messages) {
      const wanted = arrived(cell.flow) + messages;
      const startedAt = performance.now();
      const to = cell.flow === "sink" ? server.outAddress : server.inAddress;
      const load: Load = { ...cell, port: server.port, to, messages };
      const accepted = await sendLoad(load);
      await waitUntil(`${contender.name}: ${messages} messages arrive`, () => arrived(cell.flow) >= wanted, {
        withinMs: arrivalLimitMs,
        everyMs: 5,
      });
      const seconds = (performance.now() - startedAt) / 1000;
      if (arrived(cell.flow) > wanted) throw new Error(`${contender.name}: more messages arrived than were sent`);
      return { accepted, arrived: seconds };
    },
    async close() {
      await server.stop();
      await sink.stop();
      // The folder stays until the end of all: a file system that has just removed thousands of files makes new ones slowly
      // (ext4 without a journal: 0.6 ms each, for minutes), and the next run would pay for this one.
    },
  };
}

/** Waits, at most 8 s, until the rest of the machine has been quiet for a third of a second. */
async function waitForQuiet(): Promise<void> {
  const deadline = Date.now() + quietWaitMs;
  while (Date.now() < deadline) {
    const before = machineBusySeconds();
    await sleep(330);
    if ((machineBusySeconds() - before) / (0.33 * availableParallelism()) < quietShare) return;
  }
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
  const timer = setInterval(look, 200);
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

/** Whether a run waits for a quiet machine first, or takes it as it is. */
export type Patience = "wait" | "none";

/** Runs one cell once. */
export async function measure(contender: Contender, cell: Cell, work: string, patience: Patience): Promise<Run> {
  const stage = await openStage(contender, work);
  try {
    await stage.pass(cell, cell.warmUp);
    if (patience === "wait") await waitForQuiet();
    const { pid } = stage.server;
    const before = { cpu: treeCpu(pid), busy: machineBusySeconds(), tools: toolsCpu(stage), at: performance.now() };
    const memory = watchMemory(pid);
    const seconds = await stage.pass(cell, cell.messages);
    const peaks = memory();
    const pss = treePssBytes(pid);
    await sleep(settleMs);
    const cpu = treeCpu(pid);
    const user = cpu.user - before.cpu.user;
    const system = cpu.system - before.cpu.system;
    const others = machineBusySeconds() - before.busy - (toolsCpu(stage) - before.tools) - user - system;
    const machineSeconds = ((performance.now() - before.at) / 1000) * availableParallelism();
    return {
      rate: cell.messages / seconds.arrived,
      acceptedRate: cell.messages / seconds.accepted,
      userPer1000: (user / cell.messages) * 1000,
      systemPer1000: (system / cell.messages) * 1000,
      peakRssMb: peaks.rssMb,
      pssMb: pss === null ? null : pss / 2 ** 20,
      processes: peaks.processes,
      noise: Math.max(0, others / machineSeconds),
    };
  } finally {
    await stage.close();
  }
}

/** A server on a folder of its own with a sink behind it, ready for loads whose arrival is counted. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "./cells.ts";
import { type Contender, outAddress, type Server } from "./peers/server.ts";
import { openCpuGroup } from "./tools/cpu-group.ts";
import { type Sink, sendLoad, startSink } from "./tools/load.ts";
import { type Cpu, treeCpu } from "./tools/process-tree.ts";
import { freePort, waitFor } from "./tools/processes.ts";

const arrivalLimitMs = 180_000;

/** Seconds until the last message was accepted, and until it was where it should be. */
export type Pass = { readonly accepted: number; readonly arrived: number };

export type Stage = {
  readonly server: Server;
  readonly sink: Sink;
  /** Sends a load for a cell and waits until all of it has arrived. A message too many throws as one too few does. */
  pass(cell: Cell, messages: number): Promise<Pass>;
  /** CPU time that all processes of the server have used so far. */
  cpu(): Cpu;
  close(): Promise<void>;
};

/** Files in a folder; the first delivery makes a Maildir. */
export function filesIn(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

/** A fresh folder for a server, which may run under a uid of its own. */
export function freshFolder(work: string, name: string): string {
  const folder = mkdtempSync(join(work, `${name.toLowerCase()}-`));
  const home = join(folder, "home");
  mkdirSync(home);
  chmodSync(folder, 0o755);
  return home;
}

/**
 * Resolves when `count()` has reached `wanted`. Counting files costs CPU that the server needs: it looks again when a third of
 * what is missing may have come, at the rate so far.
 */
export async function untilArrived(what: string, count: () => number, wanted: number): Promise<void> {
  const first = count();
  const startedAt = performance.now();
  await waitFor(what, arrivalLimitMs, () => {
    const now = count();
    if (now >= wanted) return null;
    const ratePerMs = (now - first) / Math.max(1, performance.now() - startedAt);
    return ratePerMs === 0 ? 20 : Math.min(200, Math.max(5, (wanted - now) / ratePerMs / 3));
  });
}

/** Starts a contender on an empty folder below `work`, with a sink of its own and a relay route for its domain. */
export async function openStage(contender: Contender, work: string, wrapper: readonly string[] = []): Promise<Stage> {
  const folder = freshFolder(work, contender.name);
  const sink = await startSink(await freePort());
  const group = openCpuGroup();
  const relays = { "out.test": sink.port };
  let server: Server;
  try {
    server = await contender.start({ folder, relays, wrapper: [...(group?.wrapper ?? []), ...wrapper] });
  } catch (error) {
    await sink.stop();
    throw error;
  }
  const { newFolder } = server;
  const counterFor = (flow: Cell["flow"]): (() => number) | null => {
    if (newFolder === null) return null;
    return flow === "sink" ? sink.received : () => filesIn(newFolder);
  };
  return {
    server,
    sink,
    async pass(cell, messages) {
      const count = counterFor(cell.flow);
      const wanted = (count?.() ?? 0) + messages;
      const to = cell.flow === "sink" ? outAddress : server.inAddress;
      const startedAt = performance.now();
      const accepted = await sendLoad({ ...cell, port: server.port, to, messages });
      if (count === null) return { accepted, arrived: accepted };
      await untilArrived(`${contender.name}: ${messages} messages arrive`, count, wanted);
      const arrived = (performance.now() - startedAt) / 1000;
      if (count() > wanted) throw new Error(`${contender.name}: more messages arrived than were sent`);
      return { accepted, arrived };
    },
    cpu: () => group?.used() ?? treeCpu(server.pid),
    async close() {
      await server.stop();
      group?.close();
      await sink.stop();
      // The folder stays until the end of all: a file system that has just removed thousands of files makes new ones slowly
      // (ext4 without a journal: 0.6 ms each, for minutes), and the next run would pay for this one.
    },
  };
}

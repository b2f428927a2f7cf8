import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "#files";
import { type Program, type ProgramCall, writeAll } from "#process";
import { type Supervised, startSupervise, stopSupervise } from "./supervised.ts";
import { stopWanted } from "./until-stopped.ts";

const rescanMs = 5_000;
const wrongUsage = 1;

/** Folders of a folder by inode: one that is renamed is the same. */
function foldersOf(folder: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync(folder)) {
    if (name.startsWith(".") || name === "supervise") continue;
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stat?.isDirectory()) found.set(stat.ino, name);
  }
  return found;
}

/** The consumers under way, by their folder's inode. */
class Consumers {
  readonly #call: ProgramCall;
  readonly #consumers = new Map<number, Supervised>();

  constructor(call: ProgramCall) {
    this.#call = call;
  }

  /** Starts what is new; lets go of what has no folder any more, or has ended. */
  scan(): void {
    let folders: ReadonlyMap<number, string>;
    try {
      folders = foldersOf(this.#call.cwd);
    } catch (error) {
      this.#call.stderr.write(`multipipe: Error: Unable to read directory: ${errorText(error)}\n`);
      return;
    }
    for (const [inode, { child }] of this.#consumers) {
      if (folders.has(inode) && child.exitCode === null && child.signalCode === null) continue;
      child.stdin?.end();
      this.#consumers.delete(inode);
    }
    for (const [inode, name] of folders) {
      if (this.#consumers.has(inode)) continue;
      const consumer = startSupervise(this.#call, name, ["pipe", "inherit", "inherit"]);
      consumer.child.stdin?.on("error", () => {}); // It ended: the next scan sees that.
      this.#consumers.set(inode, consumer);
    }
  }

  /** Gives everybody the same bytes, and waits for the slowest; who has ended is not waited for. */
  async write(bytes: Buffer): Promise<void> {
    const writes = [...this.#consumers.values()].map(({ child, ended }) =>
      child.stdin === null ? undefined : Promise.race([writeAll(child.stdin, bytes).catch(() => {}), ended]),
    );
    await Promise.all(writes);
  }

  async stop(): Promise<void> {
    const all = [...this.#consumers.values()];
    for (const { child } of all) child.stdin?.end();
    await Promise.all(all.map((consumer) => stopSupervise(this.#call, consumer)));
  }
}

/**
 * `multipipe [DIR]`: a copy of stdin for the service of every folder in DIR, each under its own supervise; folders may come and go, they
 * are looked for every five seconds. At the end of input, or told to stop (INT, QUIT, TERM), all are brought down.
 */
export const main: Program = async (call) => {
  const folder = resolve(call.cwd, call.args[0] ?? ".");
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    call.stderr.write(`multipipe: Error: Couldn't chdir to ${call.args[0]}\n`);
    return wrongUsage;
  }
  const here: ProgramCall = Object.create(call, { cwd: { value: folder } });
  const consumers = new Consumers(here);
  const { stopped, forget } = stopWanted(call);
  consumers.scan();
  const scanning = setInterval(() => consumers.scan(), rescanMs);
  const chunks = call.stdin[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), stopped]);
      if (next === "stopped" || next.done === true) break;
      await Promise.race([consumers.write(next.value as Buffer), stopped.then(() => sleep(rescanMs))]);
    }
  } finally {
    clearInterval(scanning);
    await consumers.stop();
    forget();
  }
  return 0;
};

/** Starting and ending the processes of a benchmark: each is ended by its id, with everything below it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { treePids } from "./process-tree.ts";

/** A command and its arguments. */
export type Words = readonly [string, ...string[]];

const stopGraceMs = 10_000;

/** What runs now: roots of process trees. */
const started = new Set<number>();

/** Notes a process that must not outlive the benchmark. */
export function remember(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  started.add(pid);
  child.once("exit", () => started.delete(pid));
}

/** kill -9 of everything that was started and still runs: the end of a benchmark that was interrupted. */
export function killAll(): void {
  for (const root of started) for (const pid of treePids(root)) sendSignal(pid, "SIGKILL");
}

/** Starts a command whose output goes to the end of `logFile`. */
export function startLogged(words: Words, logFile: string, cwd: string): ChildProcess & { readonly pid: number } {
  const log = openSync(logFile, "a");
  const [command, ...args] = words;
  const child = spawn(command, args, { cwd, stdio: ["ignore", log, log] });
  closeSync(log);
  child.on("error", () => {}); // Seen as a missing pid just below, or as a server that never gets ready.
  if (child.pid === undefined) throw new Error(`unable to start ${command}`);
  remember(child);
  return Object.assign(child, { pid: child.pid });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself: that is what was wanted.
  }
}

/** Asks `main` to end and waits until everything that was below `root` is gone; what stays longer than 10 s is killed. */
export async function stopTree(root: ChildProcess & { readonly pid: number }, main: number = root.pid): Promise<void> {
  const before = treePids(root.pid);
  sendSignal(main, "SIGTERM");
  const deadline = Date.now() + stopGraceMs;
  while (root.exitCode === null && root.signalCode === null && Date.now() < deadline) await sleep(20);
  const left = treePids(root.pid);
  for (const pid of left) sendSignal(pid, "SIGKILL");
  // Children of a root that has ended belong to init now: look at them by the ids they had.
  while (before.some((pid) => pid !== root.pid && isRunning(pid)) && Date.now() < deadline) await sleep(20);
}

/** Alive, and not merely waiting for init to take note of its end. */
function isRunning(pid: number): boolean {
  return isAlive(pid) && treePids(pid).length > 0;
}

/**
 * Ports are taken from below those the kernel gives to clients (32768 and up on Linux): the load's own connections would otherwise
 * now and then sit on a port between our look at it and the server's start.
 */
const ports = { first: 20_000, count: 12_000, tries: 100 } as const;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Ports this process was given: none is given twice, as its first owner may not listen yet. */
const given = new Set<number>();

/** A loopback TCP port that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < ports.tries; tried++) {
    const port = ports.first + Math.floor(Math.random() * ports.count);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port was found");
}

/**
 * Asks again and again until the answer is null; a number is how many milliseconds to wait before asking again. Throws a sentence that
 * names what was awaited when time is up.
 */
export async function waitFor(
  what: string,
  withinMs: number,
  missing: () => number | null | Promise<number | null>,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (let pause: number | null; (pause = await missing()) !== null; ) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await sleep(pause);
  }
}

/** Throws when a server has ended before it was ready: there is nothing to wait for. */
export function refuseEnded(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) return;
  throw new Error(`it ended at once (${child.signalCode ?? `exit code ${child.exitCode}`})`);
}

/** The same, asking every `everyMs`. */
export async function waitUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limits: { readonly withinMs: number; readonly everyMs: number },
): Promise<void> {
  await waitFor(what, limits.withinMs, async () => ((await holds()) ? null : limits.everyMs));
}

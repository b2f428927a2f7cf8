import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { flockFile } from "#files";
import { lockHolder } from "#supervise";

/** One process of a running Quail. */
export type RunningService = { readonly name: string; readonly pid: number };

/** A Quail at work on a home: its supervisor, and the services in the order they were started. */
export type RunningHouse = { readonly supervisor: number; readonly services: readonly RunningService[] };

/** True if some process holds the lock; without locks to ask, if its holder lives. */
function isHeld(path: string, holder: number): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return false; // No lock, no Quail.
  }
  try {
    const taken = flockFile(fd);
    return taken === null ? isAlive(holder) : !taken;
  } finally {
    closeSync(fd); // Ours, if nobody held it.
  }
}

/** True if there is such a process, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Services named in run/services whose processes are there. A number may have passed to a stranger; its command line tells. */
function servicesOf(home: string): readonly RunningService[] {
  let text: string;
  try {
    text = readFileSync(join(home, "run", "services"), "latin1");
  } catch {
    return []; // Still starting, or ending.
  }
  return text.split("\n").flatMap((line) => {
    const [, name, number] = /^(\S+) (\d+)$/.exec(line) ?? [];
    if (name === undefined || number === undefined) return [];
    const pid = Number(number);
    return isAlive(pid) && isService(pid) ? [{ name, pid }] : [];
  });
}

function isService(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("/src/services/run.ts\0");
  } catch {
    return process.platform !== "linux"; // No /proc to ask: believe run/services.
  }
}

/** The Quail that runs on a home; null if none does. Asks the lock, so that a file left behind deceives nobody. */
export function findRunning(home: string): RunningHouse | null {
  const path = join(home, "run", "supervisor.lock");
  const supervisor = lockHolder(path);
  return supervisor !== null && isHeld(path, supervisor) ? { supervisor, services: servicesOf(home) } : null;
}

/** Clock ticks a second, as /proc counts them (USER_HZ); the same on every Linux. */
const ticksPerSecond = 100;

/** How long a process has lived, in whole seconds; null where the system does not say. */
export function livedSeconds(pid: number): number | null {
  try {
    // Behind the name in brackets, which may hold anything; the 20th field there is the start, in ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    const uptime = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
    const lived = uptime - Number(fields[19]) / ticksPerSecond;
    return Number.isFinite(lived) ? Math.max(0, Math.floor(lived)) : null;
  } catch {
    return null;
  }
}

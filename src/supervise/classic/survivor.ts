import { readFileSync } from "node:fs";
import type { HeldFolder } from "../directory/held-folder.ts";
import { parseStatus, type StatusRecord } from "../directory/status-record.ts";
import { lifeOf } from "../process-life.ts";

/** A service that goes on although its supervise was killed. */
export type Survivor = {
  readonly pid: number;
  /** Which life of that number it is (`lifeOf`). */
  readonly life: string;
  /** Its record, as its supervise left it. */
  readonly record: StatusRecord;
};

/** How far a status and the start of its process may lie apart: the original writes it right behind the fork. */
const stampToleranceMs = 2_000;
/** Clock ticks a second, as /proc counts them (USER_HZ); the same on every Linux. */
const ticksPerSecond = 100;

/** The life that `status.json` names for this process; null without such a file. */
function lifeNoted(folder: HeldFolder, state: string, pid: number): string | null {
  try {
    const noted: unknown = JSON.parse(readFileSync(folder.at(`${state}/status.json`), "utf8"));
    if (typeof noted !== "object" || noted === null || !("pid" in noted) || !("life" in noted)) return null;
    return noted.pid === pid && typeof noted.life === "string" ? noted.life : null;
  } catch {
    return null; // The original writes none; half a file there is not.
  }
}

/** When a life began, in milliseconds since 1970, by a clock that may have been set since. */
function beganAt(life: string): number {
  const ticks = Number(life.split(" ").at(-1));
  const uptime = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
  return Date.now() - (uptime - ticks / ticksPerSecond) * 1000;
}

/**
 * The process that the last supervise of this directory left behind, if it was killed and its service still lives: another copy must
 * not be started beside it. Null if there is none, or the number has passed to a stranger. Where the last one was not ours, its
 * stamp must fit the start of the process.
 */
export function findSurvivor(folder: HeldFolder, state: string): Survivor | null {
  let record: StatusRecord | undefined;
  try {
    record = parseStatus(readFileSync(folder.at(`${state}/status`)))?.[0];
  } catch {
    return null; // The first supervise here.
  }
  const life = record === undefined || record.pid === 0 ? null : lifeOf(record.pid);
  if (record === undefined || life === null) return null;
  const noted = lifeNoted(folder, state, record.pid);
  const stampMs = record.seconds * 1000 + record.nanoseconds / 1e6;
  const isSame = noted === null ? Math.abs(beganAt(life) - stampMs) < stampToleranceMs : noted === life;
  return isSame ? { pid: record.pid, life, record } : null;
}

/** What /proc tells about a server: one root process and everything below it. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks per second in /proc/PID/stat; 100 on every Linux that Node runs on (USER_HZ is part of the ABI). */
const ticksPerSecond = 100;

type Stat = {
  readonly pid: number;
  readonly parent: number;
  /** Own CPU time and that of children that were waited for, in seconds. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
};

function statOf(pid: number): Stat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null; // It has ended since we saw its name; its parent's children times hold what it used.
  }
  // The command name may hold blanks and parentheses: fields are counted from the last ")".
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number): number => Number(fields[index]);
  return {
    pid,
    parent: number(1),
    userSeconds: (number(11) + number(13)) / ticksPerSecond,
    systemSeconds: (number(12) + number(14)) / ticksPerSecond,
  };
}

/** Every process there is now. */
function allStats(): readonly Stat[] {
  return readdirSync("/proc").flatMap((name) => {
    const stat = /^[0-9]+$/.test(name) ? statOf(Number(name)) : null;
    return stat === null ? [] : [stat];
  });
}

function treeStats(root: number): readonly Stat[] {
  const children = new Map<number, Stat[]>();
  const tree: Stat[] = [];
  for (const stat of allStats()) {
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [stat]);
    else siblings.push(stat);
    if (stat.pid === root) tree.push(stat);
  }
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get(tree[at]!.pid) ?? []));
  return tree;
}

/** The ids of `root` and all its descendants, parents first; empty if `root` is gone. */
export function treePids(root: number): readonly number[] {
  return treeStats(root).map((stat) => stat.pid);
}

/** CPU time in seconds. */
export type Cpu = { readonly user: number; readonly system: number };

/** CPU time that the tree has used so far, children that ended and were waited for included. */
export function treeCpu(root: number): Cpu {
  const stats = treeStats(root);
  return {
    user: stats.reduce((sum, stat) => sum + stat.userSeconds, 0),
    system: stats.reduce((sum, stat) => sum + stat.systemSeconds, 0),
  };
}

/** CPU time of one process and of its children that ended and were waited for; 0 if it is gone. */
export function processCpuSeconds(pid: number): number {
  const stat = statOf(pid);
  return stat === null ? 0 : stat.userSeconds + stat.systemSeconds;
}

/** The words a process was started with; empty if it is gone or a kernel thread. */
export function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return []; // Gone.
  }
}

const pageBytes = 4096;

/** Resident bytes of all processes in the tree; a page shared by several counts once in each. */
export function treeRssBytes(root: number): { readonly bytes: number; readonly processes: number } {
  let bytes = 0;
  const pids = treePids(root);
  for (const pid of pids) {
    try {
      bytes += Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * pageBytes;
    } catch {
      // Gone between listing and reading: it has no memory any more.
    }
  }
  return { bytes, processes: pids.length };
}

/** Proportional share of memory of one process (shared pages divided among their users); null where the kernel refuses to tell. */
export function processPssBytes(pid: number): number | null {
  try {
    const pss = /^Pss:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"));
    return Number(pss?.[1] ?? 0) * 1024;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? null : 0; // Else it has ended: no memory.
  }
}

/** The same for all of the tree. */
export function treePssBytes(root: number): number | null {
  const all = treePids(root).map(processPssBytes);
  return all.includes(null) ? null : all.reduce((sum: number, bytes) => sum + (bytes ?? 0), 0);
}

/** CPU seconds that the whole machine spent busy since boot (idle and waiting for the disk left out). */
export function machineBusySeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "latin1").split("\n")[0]!.split(/ +/);
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

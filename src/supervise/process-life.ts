import { readFileSync } from "node:fs";

/** When a process was started: the boot, and the ticks since then. Null if there is no such process, it has ended, or no /proc. */
export function lifeOf(pid: number): string | null {
  try {
    // Behind the name in brackets, which may hold anything: the state, and 19 fields on the start (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${fields[19]}`;
  } catch {
    return null;
  }
}

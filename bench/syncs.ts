/** How often a server makes the disk write, per message: a short run of its own under strace, speed is not measured in it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cell } from "./cells.ts";
import type { Contender } from "./peers/server.ts";
import { openStage } from "./stage.ts";

const calls = "fsync,fdatasync,syncfs,sync_file_range,sync";
/** A call's first (or only) line; the second line of an interrupted one says `resumed` and is not counted again. */
const callLine = /^[0-9]+ +(?:fsync|fdatasync|syncfs|sync_file_range|sync)\(/gm;

/** True if strace is here and lets us trace with little cost for other calls. */
export function canTrace(): boolean {
  try {
    execFileSync("strace", ["-f", "--seccomp-bpf", "-e", "trace=fsync", "-o", "/dev/null", "true"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

/** Sync calls of all server processes per message, from a cell's load with `messages` messages. */
export async function syncsPerMessage(
  contender: Contender,
  cell: Cell,
  messages: number,
  work: string,
): Promise<number> {
  const trace = join(work, `${contender.name}.strace`);
  const strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", `trace=${calls}`, "-o", trace];
  const stage = await openStage(contender, work, strace);
  try {
    await stage.pass(cell, 100);
    await sleep(500);
    const before = readFileSync(trace, "latin1").match(callLine)?.length ?? 0;
    await stage.pass(cell, messages);
    await sleep(500);
    const after = readFileSync(trace, "latin1").match(callLine)?.length ?? 0;
    return (after - before) / messages;
  } finally {
    await stage.close();
  }
}

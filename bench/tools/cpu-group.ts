/**
 * CPU time of a server and of all it ever started, by the kernel's own account (a control group). Adding up what /proc says of a
 * process tree misses children nobody waits for, such as Exim's delivery processes.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Cpu } from "./process-tree.ts";

const root = "/sys/fs/cgroup";

/** A group for one server. */
export type CpuGroup = {
  /** Words that put what follows them into the group. */
  readonly wrapper: readonly string[];
  used(): Cpu;
  /** To be called when its processes have ended. */
  close(): void;
};

/** Version 1, in nanoseconds: the sum is exact, its two parts are samples, so only their proportion is taken. */
function usedV1(folder: string): Cpu {
  const seconds = (file: string): number => Number(readFileSync(join(folder, file), "latin1")) / 1e9;
  const [all, user, system] = [seconds("cpuacct.usage"), seconds("cpuacct.usage_user"), seconds("cpuacct.usage_sys")];
  const userShare = user + system === 0 ? 0 : user / (user + system);
  return { user: all * userShare, system: all * (1 - userShare) };
}

/** Version 2, in microseconds, adjusted in the same way by the kernel. */
function usedV2(folder: string): Cpu {
  const text = readFileSync(join(folder, "cpu.stat"), "latin1");
  const seconds = (name: string): number => Number(new RegExp(`^${name} ([0-9]+)$`, "m").exec(text)?.[1]) / 1e6;
  return { user: seconds("user_usec"), system: seconds("system_usec") };
}

const kinds = [
  { parent: join(root, "cpuacct"), sign: "cpuacct.usage_user", used: usedV1 },
  { parent: root, sign: "cgroup.controllers", used: usedV2 },
] as const;

let count = 0;

/** Groups that are there: open ones, and those a process had not quite left when they were closed. */
const there = new Set<string>();

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false; // Not empty yet. One that stays for good costs nothing.
  }
}

process.once("exit", () => {
  for (const folder of there) removed(folder);
});

/** A fresh group, or null where we may not make one. */
export function openCpuGroup(): CpuGroup | null {
  const kind = kinds.find(({ parent, sign }) => existsSync(join(parent, sign)));
  if (kind === undefined) return null;
  count += 1;
  const folder = join(kind.parent, `quail-bench-${process.pid}-${count}`);
  try {
    mkdirSync(folder);
    there.add(folder);
    kind.used(folder);
  } catch {
    return null; // Not root, or a container that shows its groups read-only.
  }
  return {
    wrapper: ["sh", "-c", `echo $$ >'${folder}/cgroup.procs' && exec "$@"`, "sh"],
    used: () => kind.used(folder),
    close() {
      if (removed(folder)) there.delete(folder);
    },
  };
}

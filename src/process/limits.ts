import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Resources with a limit: setrlimit(2)'s, under prlimit(1)'s names. */
export type Resource = "as" | "core" | "cpu" | "data" | "fsize" | "memlock" | "nofile" | "nproc" | "rss" | "stack";

/** What a soft limit becomes: a number (no more than the hard limit), the hard limit, or no limit at all, soft and hard. */
export type NewLimit = bigint | "hard" | "unlimited";

export type Limits = ReadonlyMap<Resource, NewLimit>;

/** Linux' number of each, and its line in /proc/self/limits. */
const known: Readonly<Record<Resource, readonly [number: number, line: string]>> = {
  cpu: [0, "Max cpu time"],
  fsize: [1, "Max file size"],
  data: [2, "Max data size"],
  stack: [3, "Max stack size"],
  core: [4, "Max core file size"],
  rss: [5, "Max resident set"],
  nproc: [6, "Max processes"],
  nofile: [7, "Max open files"],
  memlock: [8, "Max locked memory"],
  as: [9, "Max address space"],
};

const [mib, gib] = [1024n * 1024n, 1024n * 1024n * 1024n];

/** Less than this and Node itself dies (measured: 1 GB of address space and 100 MB of data are too little for its start). */
const nodeNeeds: ReadonlyMap<Resource, bigint> = new Map([
  ["as", 4n * gib],
  ["data", gib],
  ["stack", 4n * mib],
]);

/** Which of the limits a process of Node could not live with. */
export function tooTightForNode(limits: Limits): readonly Resource[] {
  return [...limits].flatMap(([resource, limit]) =>
    typeof limit === "bigint" && limit < (nodeNeeds.get(resource) ?? 0n) ? [resource] : [],
  );
}

/** What was set of this very process on purpose. */
const setHere = new Set<Resource>();

/** True if `limitThisProcess` has set it. */
export function isSetHere(resource: Resource): boolean {
  return setHere.has(resource);
}

/** Sets limits of this process. Null, or the code of what the system said. */
export async function limitThisProcess(limits: Limits): Promise<string | null> {
  if (limits.size === 0) return null;
  for (const resource of limits.keys()) setHere.add(resource);
  const calls = (await import("#files")).processCalls();
  if (calls === null) {
    const { status } = spawnSync("prlimit", ["--pid", String(process.pid), ...prlimitOptions(limits)], {
      stdio: "ignore",
    });
    return status === 0 ? null : "ENOSYS";
  }
  for (const [resource, wanted] of limits) {
    const [number] = known[resource];
    const now = calls.getLimit(number);
    if (typeof now === "string") return now;
    const failed = calls.setLimit(
      number,
      wanted === "unlimited" ? { soft: null, hard: null } : { soft: softOf(wanted, now.hard), hard: now.hard },
    );
    if (failed !== null) return failed;
  }
  return null;
}

function softOf(wanted: bigint | "hard", hard: bigint | null): bigint | null {
  if (wanted === "hard") return hard;
  return hard !== null && wanted > hard ? hard : wanted;
}

/** Words for prlimit(1) that set them: `--nofile=100:`. */
export function prlimitOptions(
  limits: Limits,
  own: string = readFileSync("/proc/self/limits", "latin1"),
): readonly string[] {
  return [...limits].map(([resource, wanted]) => {
    if (wanted === "unlimited") return `--${resource}=unlimited`;
    const soft = softOf(wanted, hardIn(own, known[resource][1]));
    return `--${resource}=${soft ?? "unlimited"}:`;
  });
}

/** The hard limit in /proc/self/limits, whose columns stand at fixed places. */
function hardIn(table: string, name: string): bigint | null {
  const line = table.split("\n").find((one) => one.startsWith(name)) ?? "";
  const hard = line.slice(47).trim().split(/\s+/)[0] ?? "";
  return /^[0-9]+$/.test(hard) ? BigInt(hard) : null;
}

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { basename, resolve } from "node:path";

/** What a result must say about where it was measured; lines of `name: value`. */
export type Machine = { readonly lines: readonly string[] };

/** File system type and device that hold a folder, from the longest mount point above it. */
function fileSystemOf(folder: string): string {
  const path = resolve(folder);
  const above = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point]) => point !== undefined && (point === "/" || path === point || path.startsWith(`${point}/`)))
    .toSorted((a, b) => b[1]!.length - a[1]!.length)[0];
  if (above === undefined) return "unknown";
  const [device = "", , type = "", flags = ""] = above;
  return `${type}${hasJournal(type, device) ? "" : " without a journal"} on ${device} (${flags})`;
}

/** False only for an ext4 that was made without one: its fsync is cheaper, and its promises after a power cut are fewer. */
function hasJournal(type: string, device: string): boolean {
  if (type !== "ext4" || !existsSync("/proc/fs/jbd2")) return true;
  return readdirSync("/proc/fs/jbd2").some((name) => name.startsWith(`${basename(device)}-`));
}

function versionOfQuail(checkout: string): string {
  const { version } = JSON.parse(readFileSync(resolve(checkout, "package.json"), "utf8")) as { version: string };
  try {
    const commit = execFileSync("git", ["describe", "--always", "--dirty"], { cwd: checkout, encoding: "utf8" });
    return `${version} (${commit.trim()})`;
  } catch {
    return version; // An unpacked release has no history.
  }
}

/** The machine, the disk under `work`, and the versions that take part. */
export function describeMachine(work: string, checkout: string, peers: readonly string[]): Machine {
  return {
    lines: [
      `date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
      `cores: ${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown"}`,
      `memory: ${Math.round(totalmem() / 2 ** 30)} GB`,
      `kernel: Linux ${release()}`,
      `disk: ${fileSystemOf(work)}`,
      `Quail: ${versionOfQuail(checkout)} on Node ${process.versions.node}`,
      ...peers,
    ],
  };
}

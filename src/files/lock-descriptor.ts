import { spawnSync } from "node:child_process";
import { flockFile, hasSyscalls } from "./syscalls.ts";

/** util-linux' flock(1) says so when another holds the lock. */
const heldByAnother = 1;

/**
 * An exclusive flock(2) on a descriptor of ours. True: it is ours, until the last copy of the descriptor is closed. False: another has it
 * (only if we do not wait). Null: locks are not to be had here. Waiting blocks this process.
 */
export function lockDescriptor(fd: number, patience: "now" | "wait"): boolean | null {
  if (hasSyscalls()) return flockFile(fd, patience);
  return lockByHelper(fd, patience);
}

/**
 * The same through flock(1): the lock belongs to the open file, so it stays when the helper has gone. For processes that live long: the
 * library that locks from within stays in memory. Null if there is no flock(1).
 */
export function lockByHelper(fd: number, patience: "now" | "wait"): boolean | null {
  const words = patience === "now" ? ["-n", "-x", "3"] : ["-x", "3"];
  const { status, error } = spawnSync("flock", words, { stdio: ["ignore", "ignore", "ignore", fd] });
  if (error !== undefined || (status !== 0 && status !== heldByAnother)) return null;
  return status === 0;
}

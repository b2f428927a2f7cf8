import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

const newMode = 0o644;

/**
 * Runs a processor over `previous` once: standard input is `previous`, standard output `processed`, descriptor 4 reads `state`,
 * descriptor 5 writes `newstate`; it works in the folder. Rejects if it cannot be started.
 */
export async function runProcessor(folder: string, command: string): Promise<"done" | "failed" | "crashed"> {
  const open: number[] = [];
  const file = (name: string, flags: string): number => {
    const fd = openSync(join(folder, name), flags, newMode);
    open.push(fd);
    return fd;
  };
  try {
    file("state", "a"); // There is one, even where a folder was kept without a processor before.
    const [previous, processed] = [file("previous", "r"), file("processed", "w")];
    const [state, newstate] = [file("state", "r"), file("newstate", "w")];
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: folder,
      stdio: [previous, processed, "inherit", "ignore", state, newstate],
    });
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code === 0 ? "done" : code === null ? "crashed" : "failed"));
    });
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

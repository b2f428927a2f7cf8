import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { Socket } from "node:net";

/** Makes FIFOs of mode 0600 where nothing is yet, by mkfifo(1): Node has no call for it, and the library that has stays in memory. */
export function makeFifos(paths: readonly string[]): void {
  const missing = paths.filter((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined);
  if (missing.length === 0) return;
  const { status, error, stderr } = spawnSync("mkfifo", ["-m", "600", "--", ...missing], { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim());
}

function openFifo(path: string, flags: number): number {
  const fd = openSync(path, flags);
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new Error("not a FIFO");
}

/**
 * Reads what anybody writes into a FIFO, for good: both ends are open, so there is no end of file when a writer leaves. Node waits for it
 * as for a socket (epoll), so it occupies no thread.
 */
export function listenAtFifo(path: string, hear: (bytes: Buffer) => void): { close(): void } {
  const fd = openFifo(path, constants.O_RDWR | constants.O_NONBLOCK);
  const stream = new Socket({ fd, readable: true, writable: false });
  stream.on("error", () => {}); // Its close follows; whoever holds it closes it only himself.
  stream.on("data", hear);
  return { close: () => void stream.destroy() };
}

/** A FIFO's read end: whoever opens the other end for writing finds somebody there. */
export function holdFifo(path: string): number {
  return openFifo(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** The two ends of a pipe, for programs to inherit: they wait on it as on any pipe. */
export type PipeEnds = { readonly readFd: number; readonly writeFd: number };

/**
 * A pipe with a name, kept open at both ends: what one program wrote is there for the next, however often either is started again, and
 * also when this process is killed and another opens it while one of them still lives.
 */
export function openPipe(path: string): PipeEnds {
  makeFifos([path]);
  const first = openFifo(path, constants.O_RDONLY | constants.O_NONBLOCK); // So that the writer need not wait.
  const writeFd = openFifo(path, constants.O_WRONLY);
  const readFd = openFifo(path, constants.O_RDONLY); // Without O_NONBLOCK, which a program would inherit.
  closeSync(first);
  return { readFd, writeFd };
}

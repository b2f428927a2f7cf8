import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { cryptoLater } from "#process/memory";

/** Enough for the database's log to take in what became of some thousand recipients. */
const reserveBytes = 4 * 1024 * 1024;

/**
 * Room on the queue's disk that nothing new may use. To forget a message takes room too, at first: on a disk that is full to the
 * last byte the queue could never become smaller.
 */
export type Reserve = {
  readonly isHeld: boolean;
  /** Takes the room (again); false while the disk has none. */
  take(): boolean;
  /** Gives the room up for removing; false if that was done before. */
  release(): boolean;
};

/** For tests, and for disks that never fill: always held, nothing to give up. */
export const noReserve: Reserve = { isHeld: true, take: () => true, release: () => false };

/** The reserve of a home, `queue/reserve`; taken at once if there is room. */
export function openReserve(home: string): Reserve {
  const path = join(home, "queue", "reserve");
  let isHeld = statSync(path, { throwIfNoEntry: false })?.size === reserveBytes || write(path);
  return {
    get isHeld() {
      return isHeld;
    },
    take() {
      isHeld ||= write(path);
      return isHeld;
    },
    release() {
      if (!isHeld) return false;
      isHeld = false;
      rmSync(path, { force: true });
      return true;
    },
  };
}

/** Random bytes, because some file systems store zeros without taking room for them. */
function write(path: string): boolean {
  try {
    const fd = openSync(path, "w", 0o600);
    try {
      const bytes = cryptoLater().randomFillSync(Buffer.allocUnsafe(reserveBytes));
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    return true;
  } catch {
    // Full, or broken: whoever wants to add something will hear so.
    rmSync(path, { force: true });
    return false;
  }
}

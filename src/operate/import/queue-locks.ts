import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { flockFile } from "#files";
import { ImportRefused } from "./import-refused.ts";

/** Tries a queue's singleton lock, as qmail-send and Quail's queue service take it. */
function take(path: string, busy: string): number {
  const fd = openSync(path, "a", 0o600);
  if (flockFile(fd) !== false) return fd;
  closeSync(fd);
  throw new ImportRefused(busy);
}

/**
 * Takes the locks of the queue that messages leave and of the one they come to, so that neither qmail-send nor Quail works on
 * them meanwhile. Throws ImportRefused, with one sentence. Dispose of it at the end.
 */
export function lockQueues(classic: string, home: string): Disposable {
  const own = join(home, "queue", "lock", "sendmutex");
  const theirs = join(classic, "lock", "sendmutex");
  mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
  const fds: number[] = [];
  const release = (): void => {
    for (const fd of fds) closeSync(fd);
  };
  try {
    fds.push(take(own, `the queue of ${home} is at work; stop it first`));
    // A queue that was copied elsewhere has no lock, and nobody at work.
    if (existsSync(dirname(theirs)) && realpathSync(dirname(theirs)) !== realpathSync(dirname(own))) {
      fds.push(take(theirs, `qmail-send is running on ${classic}; stop it first`));
    }
  } catch (error) {
    release();
    throw error;
  }
  return { [Symbol.dispose]: release };
}

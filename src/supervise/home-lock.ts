import { closeSync, fchownSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { tryLock } from "./lock-fd.ts";

/** How often a lock that will be free soon is tried, in milliseconds. */
const retryMs = 100;

/** A lock on a file, held as long as any process has its descriptor open. */
export type HomeLock = { readonly fd: number; release(): void };

/**
 * Takes the lock on `path` (made if missing), waiting up to `waitMs`; null if another process keeps it. While it is held the
 * file names our process. A child that inherits `fd` keeps the lock when we die. `owner`: whose the file shall be.
 */
export async function lockHome(
  path: string,
  waitMs = 0,
  owner: { readonly uid: number; readonly gid: number } | null = null,
): Promise<HomeLock | null> {
  const fd = openSync(path, "a", 0o644);
  const until = performance.now() + waitMs;
  while ((await tryLock(fd)) === false) {
    if (performance.now() >= until) {
      closeSync(fd);
      return null;
    }
    await new Promise((wake) => setTimeout(wake, retryMs));
  }
  if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return { fd, release: () => closeSync(fd) };
}

/** The process that holds (or last held) the lock on `path`; null if nobody is named there. */
export function lockHolder(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
    return pid > 0 ? pid : null;
  } catch {
    return null; // No such file.
  }
}

import { chownSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { flockFile } from "#files";

/**
 * Takes the singleton lock of a home's queue, which its service (and qmail-send) holds while it runs: null if it does. Dispose of it to let
 * go. Throws what the disk says.
 */
export function lockQueue(home: string): Disposable | null {
  const folder = join(home, "queue", "lock");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fd = openSync(join(folder, "sendmutex"), "a", 0o600);
  if (process.getuid?.() === 0) giveToOwner(join(home, "queue"), [folder, join(folder, "sendmutex")]);
  if (flockFile(fd) === false) {
    closeSync(fd);
    return null;
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}

/** What root made here must not keep the service out, which is not root. */
function giveToOwner(queue: string, paths: readonly string[]): void {
  const { uid, gid } = statSync(queue);
  for (const path of paths) if (statSync(path).uid === 0) chownSync(path, uid, gid);
}

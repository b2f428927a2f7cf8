import { constants, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ByteString } from "#bytes";
import { diskPath, flockFile, lockFile } from "#files";
import { Turnstile } from "./turnstile.ts";

/** How long a delivery waits for an mbox others hold (qmail's 30 seconds), and how often it tries, in milliseconds. */
export const mboxPatience = { lockWaitMs: 30_000, retryMs: 100 } as const;

/** An mbox that is open for appending and held. */
export type LockedMbox = {
  readonly handle: FileHandle;
  /** False where locks are not to be had (the delivery goes on without, as qmail does). */
  readonly isLocked: boolean;
  /** Closes the file, which releases its locks. */
  release(): Promise<void>;
};

/**
 * Deliveries of this process queue up here: a fcntl lock belongs to the process, so it does not keep its own files apart,
 * and closing any descriptor of a file would drop it.
 */
const turns = new Turnstile();

// Not O_NOFOLLOW: a user may keep his mailbox elsewhere. Not blocking: a FIFO must not hold up a thread. Readable, to see its end.
const openForAppend = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * Opens (makes, mode 0600) and locks an mbox with flock and fcntl, so that every mail program's lock is honoured; null if it
 * is held by others for `lockWaitMs` on end. Never holds one lock while it waits for the other. Throws what `open` says.
 */
export async function lockMbox(
  path: ByteString,
  patience: { readonly lockWaitMs: number; readonly retryMs: number } = mboxPatience,
): Promise<LockedMbox | null> {
  const deadline = performance.now() + patience.lockWaitMs;
  const leave = await turns.take(path, patience.lockWaitMs);
  if (leave === null) return null;
  try {
    for (;;) {
      const handle = await open(diskPath(path), openForAppend, 0o600);
      const isLocked = await tryLocks(handle, path);
      if (isLocked !== "held") {
        const release = (): Promise<void> => handle.close().finally(leave);
        return { handle, isLocked, release };
      }
      await handle.close();
      if (performance.now() + patience.retryMs > deadline) break;
      await sleep(patience.retryMs);
    }
  } catch (error) {
    leave();
    throw error;
  }
  leave();
  return null;
}

async function tryLocks(handle: FileHandle, path: ByteString): Promise<boolean | "held"> {
  try {
    const locks = [flockFile(handle.fd), lockFile(handle.fd)];
    if (locks.includes(false)) return "held";
    return (await isStillAt(handle, path)) ? locks.includes(true) : "held";
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** False if the path leads elsewhere by now: whoever held the lock (maildir2mbox) put a new file in its place. */
async function isStillAt(handle: FileHandle, path: ByteString): Promise<boolean> {
  const now = statSync(diskPath(path), { throwIfNoEntry: false });
  const held = await handle.stat();
  return now !== undefined && now.ino === held.ino && now.dev === held.dev;
}

import { createRequire } from "node:module";
import type { Socket } from "node:net";

type Native = {
  readonly flock: (fd: number, operation: number) => number;
  readonly fcntl: (fd: number, command: number, lock: Buffer) => number;
  readonly syncfs: (fd: number) => number;
  readonly waitpid: (pid: number, status: null, options: number) => number;
  readonly getsockopt: (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;
  readonly syncfsAsync: (fd: number) => Promise<number>;
  /** Error numbers that mean "another holds the lock", as against "there are no locks here". */
  readonly heldBy: () => boolean;
};

let native: Native | null | undefined;

/** libc through koffi (an optional dependency, prebuilt); null where it is not to be had. Loaded at first use only. */
function libc(): Native | null {
  if (native !== undefined) return native;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const lib = koffi.load(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6");
    const syncfs = lib.func("int syncfs(int)");
    const held: ReadonlySet<number | undefined> = new Set(
      ["EAGAIN", "EACCES", "EWOULDBLOCK", "EINTR"].map((name) => koffi.os.errno[name]),
    );
    native = {
      flock: lib.func("int flock(int, int)"),
      fcntl: lib.func("int fcntl(int, int, void *)"),
      syncfs,
      waitpid: lib.func("int waitpid(int, void *, int)"),
      heldBy: () => held.has(koffi.errno()),
      getsockopt: lib.func("int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)"),
      syncfsAsync: (fd) =>
        new Promise((resolve, reject) => {
          syncfs.async(fd, (error: Error | null, result: number) => (error === null ? resolve(result) : reject(error)));
        }),
    };
  } catch {
    native = null; // Every use has a fallback in plain Node, so a missing koffi costs speed or locking, not mail.
  }
  return native;
}

/** True when flock, fcntl locks, syncfs and peer credentials are to be had. */
export function hasSyscalls(): boolean {
  return libc() !== null;
}

const lockExclusive = 2;
const lockNonBlocking = 4;

/**
 * Tries an exclusive flock(2), or waits for it (which blocks this process); false if another holds it; null if locking is not to be had
 * here, or not on this file system. Released by closing the fd.
 */
export function flockFile(fd: number, patience: "now" | "wait" = "now"): boolean | null {
  const c = libc();
  if (c === null) return null;
  const operation = patience === "now" ? lockExclusive | lockNonBlocking : lockExclusive;
  if (c.flock(fd, operation) === 0) return true;
  return c.heldBy() ? false : null;
}

const setLock = 6;
const writeLock = 1;

/** Tries an exclusive fcntl(2) lock on the whole file (what procmail and dovecot use beside flock); as `flockFile`. Linux, 64 bit. */
export function lockFile(fd: number): boolean | null {
  const c = libc();
  if (c === null || process.platform !== "linux") return null;
  const lock = Buffer.alloc(32); // struct flock: short type, short whence, off_t start, off_t len, pid_t pid
  lock.writeInt16LE(writeLock, 0);
  if (c.fcntl(fd, setLock, lock) === 0) return true;
  return c.heldBy() ? false : null;
}

/** Makes everything written to the file system of `fd` durable, off the event loop. False if syncfs is not to be had: fsync instead. */
export async function syncFileSystem(fd: number): Promise<boolean> {
  const c = libc();
  if (c === null || process.platform !== "linux") return false;
  if ((await c.syncfsAsync(fd)) !== 0) throw new Error("syncfs failed: what was written may not be on disk");
  return true;
}

const solSocket = 1;
const soPeercred = 17;

/** The uid at the other end of a Unix socket (SO_PEERCRED); null if it cannot be known. */
export function peerUid(socket: Socket): number | null {
  const c = libc();
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (c === null || fd === undefined || fd < 0 || process.platform !== "linux") return null;
  const credentials = Buffer.alloc(12); // struct ucred: pid, uid, gid
  const length = Buffer.alloc(4);
  length.writeUInt32LE(12);
  return c.getsockopt(fd, solSocket, soPeercred, credentials, length) === 0 ? credentials.readUInt32LE(4) : null;
}

const doNotWait = 1;

/**
 * Takes note of the end of a child that Node does not know, so that the kernel forgets it. False if it has not ended, or there is no way
 * to ask. Never for a child that Node started: it would wait for that one for good.
 */
export function reapChild(pid: number): boolean {
  return libc()?.waitpid(pid, null, doNotWait) === pid;
}

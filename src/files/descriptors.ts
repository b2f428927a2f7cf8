import { createRequire } from "node:module";

type Calls = {
  readonly fcntl: (fd: number, command: number, value: number) => number;
  readonly dup2: (from: number, to: number) => number;
};

let calls: Calls | null | undefined;

/** Through koffi; null where that is not to be had. Loaded at first use only. */
function libc(): Calls | null {
  if (calls !== undefined) return calls;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const lib = koffi.load("libc.so.6");
    calls = { fcntl: lib.func("int fcntl(int, int, int)"), dup2: lib.func("int dup2(int, int)") };
  } catch {
    calls = null; // Whoever asks has another way, or says what is missing.
  }
  return calls;
}

const duplicateCloexec = 1030; // F_DUPFD_CLOEXEC, Linux
const getFlags = 3; // F_GETFL
const setFlags = 4; // F_SETFL
const nonBlocking = 0o4000; // O_NONBLOCK, Linux
/** Above the numbers that programs give a meaning to. */
const firstFree = 10;

/** Another descriptor of the same open file, which programs started do not inherit; null where this is not to be had. */
export function duplicateFd(fd: number): number | null {
  if (process.platform !== "linux") return null;
  const copy = libc()?.fcntl(fd, duplicateCloexec, firstFree) ?? -1;
  return copy < 0 ? null : copy;
}

/**
 * Makes number `to` a descriptor of the same open file as `from`, one that programs inherit and that waits when it has nothing, as
 * programs expect theirs. What `to` was is closed. False where this is not to be had.
 */
export function placeFd(from: number, to: number): boolean {
  const c = process.platform === "linux" ? libc() : null;
  if (c === null || c.dup2(from, to) < 0) return false;
  const flags = c.fcntl(to, getFlags, 0);
  return flags >= 0 && c.fcntl(to, setFlags, flags & ~nonBlocking) === 0;
}

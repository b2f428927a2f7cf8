/** The words qmail's users and scripts know for the system's errors; one not listed is named by its code. */
const words: ReadonlyMap<string, string> = new Map([
  ["EPERM", "permission denied"],
  ["ENOENT", "file does not exist"],
  ["EIO", "input/output error"],
  ["ENXIO", "device not configured"],
  ["ENOMEM", "out of memory"],
  ["EAGAIN", "temporary failure"],
  ["EACCES", "access denied"],
  ["EBUSY", "device busy"],
  ["EEXIST", "file already exists"],
  ["EXDEV", "cross-device link"],
  ["ENOTDIR", "not a directory"],
  ["EISDIR", "is a directory"],
  ["EINVAL", "invalid argument"],
  ["ENFILE", "system cannot open more files"],
  ["EMFILE", "process cannot open more files"],
  ["ETXTBSY", "text busy"],
  ["EFBIG", "file too big"],
  ["ENOSPC", "out of disk space"],
  ["EROFS", "read-only file system"],
  ["EMLINK", "too many links"],
  ["EPIPE", "broken pipe"],
  ["ELOOP", "symbolic link loop"],
  ["ENAMETOOLONG", "file name too long"],
  ["ENOTEMPTY", "directory not empty"],
  ["EDQUOT", "disk quota exceeded"],
  ["ESTALE", "stale NFS file handle"],
  ["ETIMEDOUT", "timed out"],
  ["EINTR", "interrupted system call"],
  ["ENODEV", "device does not support operation"],
  ["EADDRINUSE", "address already used"],
  ["EADDRNOTAVAIL", "address not available"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["ECONNABORTED", "connection aborted"],
  ["EBADF", "file descriptor not open"],
  ["EPROTO", "protocol error"],
  ["ENOEXEC", "exec format error"],
  ["EHOSTUNREACH", "host unreachable"],
  ["ENETUNREACH", "network unreachable"],
  ["ESRCH", "no such process"],
  ["ECHILD", "no child processes"],
  ["ENOTSOCK", "not a socket"],
  ["EAFNOSUPPORT", "address family not supported"],
  ["E2BIG", "argument list too long"],
  ["EDEADLK", "operation would cause deadlock"],
  ["ENOSYS", "system call not available"],
  ["ENOLCK", "no locks available"],
]);

/** What the system said, as a code: `ENOENT`; "" when it was no system error. */
export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** A system error in qmail's words (`file does not exist`, `access denied`); its code or message when there are none. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  return words.get(code) ?? (code !== "" ? code : error instanceof Error ? error.message : String(error));
}

const passing: ReadonlySet<string> = new Set(
  "EINTR ENOMEM ETXTBSY EIO ETIMEDOUT EAGAIN EDEADLK EBUSY ENFILE EMFILE ENOSPC EDQUOT ESTALE ENETDOWN ENETUNREACH EHOSTDOWN EHOSTUNREACH ECONNREFUSED ECONNRESET".split(
    " ",
  ),
);

/** True for troubles that pass by themselves (too many files, a lost file server): asking again later may tell another story. */
export function isPassing(error: unknown): boolean {
  return passing.has(errorCode(error));
}

import { createRequire } from "node:module";

/** Sends one datagram; false if nobody took it. */
export type DatagramSender = { readonly send: (bytes: Uint8Array) => boolean; readonly close: () => void };

const afUnix = 1;
/** SOCK_DGRAM, with SOCK_CLOEXEC: no child shall have it. Linux. */
const datagram = 2 | 0o2000000;
/** sun_path holds 108 bytes with its NUL (unix(7)). */
const maxPathBytes = 107;

/**
 * A sender of datagrams to a Unix socket such as /dev/log, which Node has no call for. The path is looked up anew for each one,
 * so that a restarted logger is found. Null where there is no way to send: not Linux, no koffi, a path too long.
 */
export function datagramTo(path: string): DatagramSender | null {
  const name = Buffer.from(path);
  if (process.platform !== "linux" || name.length > maxPathBytes) return null;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const libc = koffi.load("libc.so.6");
    const socket = libc.func("int socket(int, int, int)");
    const sendto = libc.func("int64_t sendto(int, void *, size_t, int, void *, uint32_t)");
    const close = libc.func("int close(int)");
    const fd: number = socket(afUnix, datagram, 0);
    if (fd < 0) return null;
    // struct sockaddr_un. An abstract name (it begins with NUL) is as long as it is; a path ends with NUL.
    const address = Buffer.alloc(2 + name.length + (name[0] === 0 ? 0 : 1));
    address.writeUInt16LE(afUnix, 0);
    name.copy(address, 2);
    return {
      send: (bytes) => sendto(fd, Buffer.from(bytes), bytes.length, 0, address, address.length) === bytes.length,
      close: () => void close(fd),
    };
  } catch {
    return null; // koffi is an optional dependency; the caller has words for its absence.
  }
}

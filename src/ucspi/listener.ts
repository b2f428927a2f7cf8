import { closeSync } from "node:fs";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { duplicateFd, errorCode } from "#files";

/** Where to listen: an address, or a descriptor that listens already. */
export type ListenAt =
  | { readonly host: string; readonly port: number; readonly ipv6Only: boolean }
  | { readonly fd: number };

/** Which step failed, in the original's words, and the system's error. */
export type ListenFailure = { readonly step: "create socket" | "bind" | "listen"; readonly error: unknown };

/**
 * A listening socket that can be left alone: while it is paused nothing is accepted, and connections wait in the kernel's backlog.
 * `close` lets go of it.
 */
export type Listener = { readonly port: number; pause(): void; resume(): void; close(): void };

/** If the listening socket cannot be taken up again for lack of descriptors, the next try is after this long. */
const againMs = 1_000;
const bindErrors: ReadonlySet<string> = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "EPERM"]);

/**
 * Listens. Sockets come paused and half-open. Where a descriptor cannot be duplicated (no koffi), pausing has no effect: the caller
 * must be able to keep sockets waiting.
 */
export async function openListener(
  at: ListenAt,
  backlog: number,
  onSocket: (socket: Socket) => void,
): Promise<Listener | ListenFailure> {
  const make = (): Server => createServer({ allowHalfOpen: true, pauseOnConnect: true }, onSocket);
  const options: ListenOptions & { fd?: number } = "fd" in at ? { fd: at.fd, backlog } : { ...at, backlog };
  const server: Server | null = make();
  const failed = await listening(server, options);
  if (failed !== null) return failed;
  const where = server.address();
  return { port: where !== null && typeof where === "object" ? where.port : 0, ...pausable(server, make, backlog) };
}

function listening(server: Server, options: ListenOptions & { fd?: number }): Promise<ListenFailure | null> {
  return new Promise((done) => {
    server.once("error", (error) => {
      const code = errorCode(error);
      const step = code === "EAFNOSUPPORT" ? "create socket" : bindErrors.has(code) ? "bind" : "listen";
      done({ step, error });
    });
    server.listen(options, () => {
      server.removeAllListeners("error");
      // Out of descriptors and the like: the connection is lost, the next may not be.
      server.on("error", () => {});
      done(null);
    });
  });
}

/** A server can only be closed; so a second descriptor keeps the socket listening while nobody accepts. */
function pausable(first: Server, make: () => Server, backlog: number): Omit<Listener, "port"> {
  let server: Server | null = first;
  let kept: number | null = null;
  let isClosed = false;
  const keep = (): number | null => {
    const fd = (first as unknown as { _handle?: { fd?: number } })._handle?.fd;
    kept ??= fd === undefined || fd < 0 ? null : duplicateFd(fd);
    return kept;
  };
  const resume = (): void => {
    if (server !== null || isClosed || kept === null) return;
    const fd = duplicateFd(kept);
    if (fd === null) {
      setTimeout(resume, againMs);
      return;
    }
    server = make();
    server.on("error", () => {});
    server.listen({ fd, backlog });
  };
  return {
    pause() {
      if (server === null || keep() === null) return;
      server.close();
      server = null;
    },
    resume,
    close() {
      isClosed = true;
      server?.close();
      server = null;
      if (kept !== null) closeSync(kept);
      kept = null;
    },
  };
}

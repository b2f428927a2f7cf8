import { chmodSync, closeSync, openSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { basename, dirname, relative, resolve } from "node:path";

/** sun_path holds 108 bytes with its NUL (unix(7)). */
const maxUnixPath = 107;

/**
 * Runs `use` with a form of `path` that fits in a socket address: itself; seen from the working directory, which is the home for
 * every service (and needs no right to read the folder); or `/proc/self/fd/N/name` through its opened directory. The form is
 * valid only until `use` resolves.
 */
export async function socketPath<T>(path: string, use: (fitting: string) => Promise<T>): Promise<T> {
  const full = resolve(path);
  if (Buffer.byteLength(full) <= maxUnixPath) return use(full);
  const near = relative(process.cwd(), full);
  if (Buffer.byteLength(near) <= maxUnixPath) return use(near);
  const directory = openSync(dirname(full), "r");
  try {
    return await use(`/proc/self/fd/${directory}/${basename(full)}`);
  } finally {
    closeSync(directory);
  }
}

/** Listens on a Unix socket, replacing a stale one, with the given mode (0600 unless told). The caller closes the server. */
export async function listenUnix(path: string, onSocket: (socket: Socket) => void, mode = 0o600): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: false }, onSocket);
  await socketPath(path, (fitting) => {
    return new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen({ path: fitting, backlog: 1024 }, () => {
        server.off("error", failed);
        done();
      });
    });
  });
  chmodSync(path, mode);
  return server;
}

/** Stops listening; resolves when the listener is gone. Connections that are open stay open. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
  });
}

import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { eventLine } from "#log";

/** Connections the kernel may hold for us between two turns of the event loop. */
const backlog = 4096;

/** Where to listen: an address, or a descriptor that was opened for us. */
export type Where = ListenOptions & {
  readonly fd?: number;
  /** TLS begins with the connection (RFC 8314). */
  readonly isSecure: boolean;
};

/**
 * The places to listen at by the options `listen=`, `listen2=`, `listen-fd=`, `reuse-port=`, and with `tls-` in front the same for
 * TLS from the first octet on. Throws if there are none.
 */
export function listenPlaces(options: ReadonlyMap<string, string>): readonly Where[] {
  const reusePort = options.get("reuse-port") === "1";
  const where = [...options].flatMap(([key, value]): Where[] => {
    const option = /^(tls-)?listen(?:(-fd)|\d*)$/.exec(key);
    if (option === null) return [];
    const isSecure = option[1] !== undefined;
    return option[2] === undefined
      ? [{ ...parseListen(key, value), reusePort, isSecure }]
      : [{ fd: Number(value), isSecure }];
  });
  if (where.length === 0) throw new Error("say where to listen: listen=IP:PORT");
  return where;
}

function parseListen(key: string, value: string): { readonly host?: string; readonly port: number } {
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]*|\*)):)?(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(`${key}=${value}: an address and a port are wanted (127.0.0.1:25)`);
  const host = match[1] ?? match[2] ?? "";
  return host === "" || host === "*" ? { port } : { host: host === "0" ? "0.0.0.0" : host, port };
}

/** Listens; logs where. Throws if the address cannot be had. The caller closes the server. */
export function listenFor(
  { isSecure, ...where }: Where,
  onSocket: (socket: Socket) => void,
  log: (line: string) => void,
): Promise<Server> {
  // Half-open, because a client may end its side behind QUIT and still wants its answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  return new Promise((done, failed) => {
    server.once("error", (cause) => failed(new Error(`unable to listen: ${cause.message}`, { cause })));
    server.listen({ ...where, backlog }, () => {
      const at = server.address();
      if (at !== null && typeof at === "object") {
        log(eventLine("smtpd listening", { address: at.address, port: at.port, tls: isSecure ? 1 : undefined }));
      }
      server.removeAllListeners("error");
      // Out of descriptors and the like: accept() is tried again by libuv, so this is for the log only.
      server.on("error", (error) => log(`alert: smtpd: ${error.message}`));
      done(server);
    });
  });
}

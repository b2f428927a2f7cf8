import net, { createServer, isIPv6, type Server } from "node:net";
import { getSystemErrorName } from "node:util";
import { type PortName, portNames, type StartOptions } from "./options.ts";
import { endpoint } from "./plan.ts";
import { StartError, systemReason } from "./start-error.ts";

/** Ports below it are opened by root only (unless the system says otherwise). */
const firstFreePort = 1024;
/** One SMTP connection is short; a burst of thousands must find room (a backlog of 5 costs a server more than its code). */
const backlog = 4096;

function listen(host: string, port: number): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer({ pauseOnConnect: true });
    server.once("error", failed);
    server.listen({ host, port, backlog }, () => done(server));
  });
}

function sentence(name: PortName, at: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const elsewhere = `choose another with --port ${name}=N`;
  if (code === "EADDRINUSE") return `port ${at} (${name}) is in use by another program; stop that one, or ${elsewhere}`;
  if (code === "EACCES")
    return `port ${at} (${name}) may be opened by root only; ${elsewhere}, N from ${firstFreePort} up`;
  if (code === "EADDRNOTAVAIL") return `${at} (${name}) is no address of this machine; --host says which to use`;
  return `port ${at} (${name}) cannot be opened: ${systemReason(error)}`;
}

/** A socket that is bound and does not listen yet: whoever inherits it does. `close` gives the port back. */
type BoundSocket = { readonly fd: number; close(): void };

/** Node has this (its cluster module lives by it), its types and its manual do not. Gives an error's number when it cannot. */
type Binder = {
  readonly _createServerHandle: (host: string, port: number, addressType: 4 | 6) => BoundSocket | number;
};

/**
 * Binds without listening. A server of ours would not do: it would take connections in, in the supervisor, as long as it is open, and it
 * must stay open so that a service which is started again finds its port.
 */
function bind(host: string, port: number): BoundSocket {
  const bound = (net as unknown as Binder)._createServerHandle(host, port, isIPv6(host) ? 6 : 4);
  if (typeof bound === "number") throw new Error(`unable to bind: ${getSystemErrorName(bound)}`);
  return bound;
}

/**
 * Sees that each port can be had; throws StartError naming the one that cannot. As root about to become another
 * (`keepLow`), ports that only root may open stay open: their sockets are returned for the services to inherit, as long as this process lives. `given`: sockets that systemd opened for us.
 */
export async function claimPorts(
  options: StartOptions,
  keepLow: boolean,
  given: ReadonlyMap<PortName, number> = new Map(),
): Promise<ReadonlyMap<PortName, number>> {
  const kept = new Map<PortName, number>(given);
  for (const name of portNames) {
    const port = options.ports[name];
    if (port === null || given.has(name)) continue;
    const host = name === "metrics" ? "127.0.0.1" : options.host;
    try {
      const server = await listen(host, port);
      await new Promise((closed) => server.close(closed));
      if (keepLow && port < firstFreePort) kept.set(name, hold(bind(host, port)));
    } catch (error) {
      throw new StartError(sentence(name, endpoint(host, port), error), { cause: error });
    }
  }
  const used = [...Object.values(options.ports)].filter((port) => port !== null);
  const twice = used.find((port, at) => used.indexOf(port) !== at);
  if (twice !== undefined)
    throw new StartError(`port ${twice} is given to two services; --port NAME=N says which gets which`);
  return kept;
}

/** Node closes the socket of a handle that nobody holds. */
const held: BoundSocket[] = [];

function hold(socket: BoundSocket): number {
  held.push(socket);
  return socket.fd;
}

import { createServer, type Server } from "node:net";
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

/** The descriptor behind a listening server. Node has no public name for it. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

/**
 * Sees that each port can be had; throws StartError naming the one that cannot. As root about to become another
 * (`keepLow`), ports that only root may open stay open: their sockets are returned for the services to inherit.
 */
export async function claimPorts(options: StartOptions, keepLow: boolean): Promise<ReadonlyMap<PortName, Server>> {
  const kept = new Map<PortName, Server>();
  for (const name of portNames) {
    const port = options.ports[name];
    if (port === null) continue;
    const host = name === "metrics" ? "127.0.0.1" : options.host;
    try {
      const server = await listen(host, port);
      if (keepLow && port < firstFreePort) kept.set(name, server);
      else await new Promise((closed) => server.close(closed));
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

/** Descriptors of sockets kept by `claimPorts`. */
export function descriptors(kept: ReadonlyMap<PortName, Server>): ReadonlyMap<PortName, number> {
  return new Map([...kept].map(([name, server]) => [name, descriptorOf(server)]));
}

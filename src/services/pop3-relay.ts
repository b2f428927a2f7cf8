import type { Socket } from "node:net";

/** A client that does not close after we have is cut off. */
const lingerMs = 5_000;

/** Octets that went each way. */
export type Relayed = { readonly fromClient: number; readonly toClient: number };

/** Passes what `from` says to `to` as fast as `to` takes it, and its end. The count grows as it goes. */
function pass(from: Socket, to: Socket, count: { bytes: number }): void {
  from.on("data", (piece: Buffer) => {
    count.bytes += piece.length;
    if (!to.write(piece)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.once("end", () => to.end());
}

/** Calls back when a socket has closed, also if it has already. */
function whenClosed(socket: Socket, act: () => void): void {
  if (socket.closed) act();
  else socket.once("close", act);
}

/**
 * Joins a client and its worker until both have closed. When the worker is through, the client gets what it said and is closed;
 * when the client goes, the worker sees it at once. Nothing is looked at, at most a socket's buffer is held.
 */
export function relay(client: Socket, worker: Socket): Promise<Relayed> {
  const [up, down] = [{ bytes: 0 }, { bytes: 0 }];
  return new Promise((done) => {
    let open = 2;
    const closed = (): void => {
      if (--open === 0) done({ fromClient: up.bytes, toClient: down.bytes });
    };
    // An error is followed by a close, which says all there is to say.
    for (const socket of [client, worker]) socket.on("error", () => {});
    whenClosed(client, () => {
      worker.destroy();
      closed();
    });
    whenClosed(worker, () => {
      client.end();
      const timer = setTimeout(() => client.destroy(), lingerMs);
      client.once("close", () => clearTimeout(timer));
      closed();
    });
    pass(client, worker, up);
    pass(worker, client, down);
    client.resume();
  });
}

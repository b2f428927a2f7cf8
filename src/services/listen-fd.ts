import { createServer, type Server, type Socket } from "node:net";

/** Listens on an inherited socket. With `allowHalfOpen` a peer may end its side and still be answered. The caller closes the server. */
export function listenOnFd(fd: number, onSocket: (socket: Socket) => void, allowHalfOpen = false): Promise<Server> {
  const server = createServer({ allowHalfOpen }, onSocket);
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen({ fd }, () => {
      server.off("error", failed);
      done(server);
    });
  });
}

import { createServer, type Server, type Socket } from "node:net";

/** Listens on an inherited socket. The caller closes the server. */
export function listenOnFd(fd: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen({ fd }, () => {
      server.off("error", failed);
      done(server);
    });
  });
}

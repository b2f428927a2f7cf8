import type { Socket } from "node:net";
import type { ProgramCall } from "#process";
import type { Serve } from "./connection-server.ts";
import { startChild } from "./run-child.ts";

/** Words of a program and its arguments. */
export type Words = readonly [string, ...string[]];

/** How a server serves; `isInside`: in its own process, which must not end before. */
export type Serving = { readonly serve: Serve; readonly isInside: boolean };

/** A peer that does not take the last words in this time does not want them. */
const lastWordsMs = 60_000;

/** The program as every connection gets it: called in this process if it is ours, else started on the socket. */
export function serveProgram(call: ProgramCall, words: Words): Serving {
  const isInside = call.isOwn(words);
  return { isInside, serve: isInside ? serveOwn(call, words) : serveForeign(call, words) };
}

function serveOwn(call: ProgramCall, words: Words): Serve {
  return async ({ socket, env, number, started }) => {
    started(number);
    flowWhenRead(socket);
    const code = await call.exec(words, { env, stdin: socket, stdout: socket, pid: number });
    await leave(socket);
    return code << 8;
  };
}

function serveForeign(call: ProgramCall, words: Words): Serve {
  // A process of our own is there already; and the user it becomes may be unable to go there.
  const where = call.become === null ? { cwd: call.cwd } : {};
  return async ({ socket, env, number, started }) => {
    // What was read of it (a PROXY header's rest) cannot go back: then the program gets pipes.
    if (socket.readableDidRead) {
      const code = await call.exec(words, { env, stdin: socket, stdout: socket, onSpawn: started });
      await leave(socket);
      return code << 8;
    }
    const child = await startChild(socket, { words, env, ...where, stderr: call.stderr });
    // The child has its own copy: ours must not keep the connection open, nor end it.
    socket.destroy();
    if ("pid" in child) {
      started(child.pid);
      return child.over;
    }
    started(number);
    return { trouble: `unable to run ${words[0]}: ${child.trouble}` };
  };
}

/** Sockets come paused, so that a child may have them unread. Whoever listens for data wants it to flow. */
export function flowWhenRead(socket: Socket): void {
  socket.on("newListener", (event) => {
    if (event === "data") socket.resume();
  });
}

/** Closes a connection once the peer has what was written, as the end of a process does. */
export function leave(socket: Socket): Promise<void> {
  return new Promise((done) => {
    if (socket.destroyed) {
      done();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), lastWordsMs);
    socket.once("close", () => {
      clearTimeout(timer);
      done();
    });
    socket.destroySoon();
  });
}

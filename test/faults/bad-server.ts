/** An SMTP server that misbehaves in one way at one point of every session, until it is told to behave. It keeps what it takes. */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Where in a session: before the greeting, in answer to a command, in answer to the final dot. */
export type Point = "greeting" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "dot" | "QUIT";
export const points: readonly Point[] = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot", "QUIT"];

/** What it does there. */
export type Fault =
  | "closes"
  | "resets"
  | "says 421 and closes"
  | "says 451"
  | "says 554"
  | "talks garbage"
  | "says half a reply and closes"
  | "never answers"
  | "sends a line without end"
  | "sends lines without end"
  | "answers in 1-byte packets";

const right: Readonly<Record<Point, string>> = {
  greeting: "220 bad.test ESMTP",
  EHLO: "250-bad.test\r\n250 8BITMIME",
  MAIL: "250 fine",
  RCPT: "250 fine",
  DATA: "354 go",
  dot: "250 taken",
  QUIT: "221 bye",
};

export type BadServer = AsyncDisposable & {
  readonly port: number;
  /** Messages it has answered 250, by the local part of their sender. */
  readonly taken: readonly string[];
  /** From now on everything goes well. */
  behave(): void;
  connections(): number;
};

/** Endless output is sent up to here, then the connection just stays. */
const endlessBytes = 4 * 1024 * 1024;
const chunk = Buffer.alloc(64 * 1024, "x");

async function endless(socket: Socket, piece: Buffer): Promise<void> {
  for (let sent = 0; sent < endlessBytes && !socket.destroyed; sent += piece.length) {
    if (!socket.write(piece)) await Promise.race([new Promise((go) => socket.once("drain", go)), sleep(2_000)]);
  }
}

/** Commits the fault; true if the session goes on with the right answer. */
async function commit(socket: Socket, fault: Fault, answer: string): Promise<boolean> {
  switch (fault) {
    case "closes":
      socket.end();
      return false;
    case "resets":
      socket.resetAndDestroy();
      return false;
    case "says 421 and closes":
      socket.end("421 going down\r\n");
      return false;
    case "says 451":
      socket.write("451 not now\r\n");
      return false;
    case "says 554":
      socket.write("554 never\r\n");
      return false;
    case "talks garbage":
      socket.write("\0\xff\x01 HTTP/1.1 200 OK\r\n", "latin1");
      return false;
    case "says half a reply and closes":
      socket.end(`${answer.slice(0, 3)}-and`);
      return false;
    case "never answers":
      return false;
    case "sends a line without end":
      await endless(socket, chunk);
      return false;
    case "sends lines without end":
      await endless(socket, Buffer.from("250-x\r\n".repeat(2000)));
      return false;
    case "answers in 1-byte packets":
      for (const octet of `${answer}\r\n`) {
        socket.write(octet);
        await sleep(1);
      }
      return true;
  }
}

/** Starts one on a free loopback port. */
export async function openBadServer(point: Point, fault: Fault): Promise<BadServer> {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  let behaves = false;
  let connections = 0;
  const serve = async (socket: Socket): Promise<void> => {
    let text = "";
    let wake: (() => void) | null = null;
    let ended = false;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      wake?.();
    });
    socket.on("error", () => {}); // Its client has had enough: that is what is tested.
    socket.on("close", () => {
      ended = true;
      wake?.();
    });
    const until = async (end: string): Promise<string | null> => {
      for (;;) {
        const at = text.indexOf(end);
        if (at >= 0) {
          const line = text.slice(0, at);
          text = text.slice(at + end.length);
          return line;
        }
        if (ended) return null;
        await new Promise<void>((go) => {
          wake = go;
        });
      }
    };
    /** Answers, wrongly if this is the point; false if what was asked did not go well. */
    const say = async (where: Point): Promise<boolean> => {
      if (!behaves && where === point) {
        const goesOn = await commit(socket, fault, right[where]);
        return goesOn;
      }
      if (socket.writable) socket.write(`${right[where]}\r\n`);
      return true;
    };
    await say("greeting");
    let from = "";
    for (let line = await until("\r\n"); line !== null; line = await until("\r\n")) {
      const verb = line.slice(0, 4).toUpperCase();
      const where = verb === "HELO" ? "EHLO" : points.find((one) => one === verb);
      if (where === undefined) {
        if (socket.writable) socket.write(verb === "RSET" ? "250 fine\r\n" : "502 what\r\n");
        continue;
      }
      if (where === "MAIL") from = /<([^@>]*)/.exec(line)?.[1] ?? "";
      const well = await say(where);
      if (where === "QUIT") socket.end();
      if (where !== "DATA" || !well) continue;
      if ((await until("\r\n.\r\n")) === null) return;
      if (await say("dot")) taken.push(from);
    }
  };
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    void serve(socket);
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    taken,
    behave: () => {
      behaves = true;
    },
    connections: () => connections,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

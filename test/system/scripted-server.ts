/** An SMTP server that does what a test tells it: it keeps what it takes and answers what the test wants answered. */
import { createServer, type Socket } from "node:net";

/** A message as it came: envelope and bytes, dots unstuffed, CRLF line ends as sent. */
export type Taken = { readonly from: string; readonly to: readonly string[]; readonly bytes: Buffer };

/** Replies other than the usual, by verb and argument: `"550 no such user"`; null for the usual one. */
export type Script = (verb: string, argument: string) => string | null;

export type ScriptedServer = AsyncDisposable & {
  readonly port: number;
  readonly taken: readonly Taken[];
  /** How many connections there have been. */
  connections(): number;
  close(): Promise<void>;
};

const usual: ReadonlyMap<string, string> = new Map([
  ["EHLO", "250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME"],
  ["HELO", "250 sink.test"],
  ["MAIL", "250 sender fine"],
  ["RCPT", "250 recipient fine"],
  ["DATA", "354 go"],
  ["RSET", "250 forgotten"],
  ["NOOP", "250 still here"],
  ["QUIT", "221 bye"],
  [".", "250 taken"],
  ["CONNECT", "220 sink.test ESMTP"],
]);

function addressIn(argument: string): string {
  return /<([^>]*)>/.exec(argument)?.[1] ?? "";
}

const endOfData = Buffer.from("\r\n.\r\n");

function converse(socket: Socket, script: Script, keep: (message: Taken) => void): void {
  let input = Buffer.alloc(0);
  let from = "";
  let to: string[] = [];
  let inData = false;
  const say = (verb: string, argument: string): string => {
    const reply = script(verb, argument) ?? usual.get(verb) ?? "502 what?";
    if (!socket.destroyed) socket.write(`${reply}\r\n`, "latin1");
    return reply;
  };
  const takeData = (): boolean => {
    // A message of no lines ends with the dot at once: the CRLF before it is the one that ended DATA.
    const isEmpty = input.length >= 3 && input.toString("latin1", 0, 3) === ".\r\n";
    const end = isEmpty ? -2 : input.indexOf(endOfData);
    if (!isEmpty && end < 0) return false;
    const text = input.toString("latin1", 0, end + 2).replace(/(^|\r\n)\./g, "$1");
    input = input.subarray(end + endOfData.length);
    inData = false;
    if (say(".", from).startsWith("2")) keep({ from, to, bytes: Buffer.from(text, "latin1") });
    to = [];
    return true;
  };
  const takeLine = (): boolean => {
    const end = input.indexOf("\r\n");
    if (end < 0) return false;
    const line = input.toString("latin1", 0, end);
    input = input.subarray(end + 2);
    const [verb = "", argument = ""] = line.split(/ (.*)/s);
    const word = verb.toUpperCase();
    const reply = say(word, argument);
    if (word === "MAIL") from = addressIn(argument);
    if (word === "RCPT" && reply.startsWith("2")) to.push(addressIn(argument));
    if (word === "DATA" && reply.startsWith("3")) inData = true;
    if (word === "QUIT" || reply.startsWith("421")) socket.end();
    return true;
  };
  socket.on("error", () => {}); // A peer that is killed in mid-sentence is part of what is tested.
  socket.on("data", (bytes: Buffer) => {
    input = Buffer.concat([input, bytes]);
    while (inData ? takeData() : takeLine());
  });
  say("CONNECT", socket.remoteAddress ?? "");
}

/** Starts one on a free loopback port. */
export async function openScriptedServer(script: Script = () => null, port = 0): Promise<ScriptedServer> {
  const taken: Taken[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    converse(socket, script, (message) => taken.push(message));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", backlog: 1024 }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: address.port, taken, connections: () => connections, close, [Symbol.asyncDispose]: close };
}

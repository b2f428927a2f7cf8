import { type AddressInfo, createServer, type Socket } from "node:net";
import { type SecureContextOptions, TLSSocket } from "node:tls";
import { LineWire } from "#net";

/** A key and its certificate, PEM. */
export type TestTls = { readonly key: Buffer; readonly cert: Buffer };

/** A server that plays scripts. `heard` is everything each connection's client sent, in order of connection. */
export type ScriptedServer = AsyncDisposable & {
  readonly port: number;
  readonly heard: readonly string[];
  /** The commands of one connection without CRLF and message bytes. */
  commands(connection: number): readonly string[];
  /** The bytes of the nth message of a connection, with its dots and CRLFs, the final dot left out. */
  message(connection: number): string;
  /** What the client did other than the scripts said. */
  readonly complaints: readonly string[];
  /** Connections that are open now. */
  open(): number;
  close(): Promise<void>;
};

const timeoutMs = 20_000;
const maxLine = 1_000_000;
const pauseMs = 2;

type Talk = { wire: LineWire; readonly commands: string[]; message: string; heard: string };

function hear(talk: Talk, socket: Socket | TLSSocket): void {
  socket.prependListener("data", (chunk: Buffer) => {
    talk.heard += chunk.toString("latin1");
  });
}

async function readMessage(wire: LineWire): Promise<string> {
  const lines: Buffer[] = [];
  for (let line: Buffer | null; (line = await wire.readRawLine(maxLine)) !== null; ) {
    if (line.toString("latin1") === ".\r\n") return Buffer.concat(lines).toString("latin1");
    lines.push(line);
  }
  return `${Buffer.concat(lines).toString("latin1")}<hung up>`;
}

async function say(wire: LineWire, text: string, slowly: boolean): Promise<void> {
  if (!slowly) {
    wire.write(text);
    return wire.flush();
  }
  for (const octet of text) {
    wire.write(octet);
    await wire.flush();
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

const withEscapes = (text: string): string =>
  text.replaceAll("\\r", "\r").replaceAll("\\n", "\n").replaceAll("\\0", "\0");

/**
 * Plays one script: `S: text` says a line, `s: text` says it octet by octet, `RAW text` says bytes as they stand (`\r` `\n` `\0`),
 * `C: text` wants that line (`C: *` any), `MESSAGE` takes a message to its final dot, `SOME` waits for any bytes, `TLS` upgrades,
 * `CLOSE` hangs up, `RESET` cuts, `WAIT` plays dead.
 */
async function play(script: string, talk: Talk, socket: Socket, tls: TestTls | null, complain: (s: string) => void) {
  const steps = script.split("\n").map((step) => step.trim());
  for (const step of steps.filter((each) => each !== "" && !each.startsWith("#"))) {
    const [word = "", rest = ""] = step.split(/ (.*)/s);
    if (word === "S:" || word === "s:") await say(talk.wire, `${withEscapes(rest)}\r\n`, word === "s:");
    else if (word === "RAW") await say(talk.wire, withEscapes(rest), false);
    else if (word === "MESSAGE") talk.message = await readMessage(talk.wire);
    else if (word === "SOME") await talk.wire.readSome();
    else if (word === "CLOSE") return socket.end();
    else if (word === "RESET") return socket.resetAndDestroy();
    else if (word === "WAIT") return;
    else if (word === "TLS") {
      talk.wire.release();
      const secure = new TLSSocket(socket, { isServer: true, ...(tls as SecureContextOptions) });
      hear(talk, secure);
      talk.wire = new LineWire(secure, timeoutMs);
    } else if (word === "C:") {
      const line = await talk.wire.readLine(maxLine);
      if (line === null) return complain(`wanted «${rest}», client hung up`);
      talk.commands.push(line);
      if (rest !== "*" && line !== withEscapes(rest)) complain(`wanted «${rest}», got «${line}»`);
    } else complain(`no such step: ${step}`);
  }
  // The script is over: hear what else the client has to say.
  for (let line: string | null; (line = await talk.wire.readLine(maxLine)) !== null; ) talk.commands.push(line);
  socket.end();
}

/** Starts a server; the nth connection gets the nth script, later ones the last. The caller closes it. */
export async function startScripted(scripts: readonly string[], tls: TestTls | null = null): Promise<ScriptedServer> {
  const talks: Talk[] = [];
  const complaints: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(true);
    const number = talks.length;
    const talk: Talk = { wire: new LineWire(socket, timeoutMs), commands: [], message: "", heard: "" };
    talks.push(talk);
    hear(talk, socket);
    const complain = (text: string): void => {
      complaints.push(`connection ${number}: ${text}`);
      socket.destroy();
    };
    // A client that leaves in the middle is what some tests are about.
    play(scripts[Math.min(number, scripts.length - 1)] ?? "", talk, socket, tls, complain).catch(() =>
      socket.destroy(),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((done) => server.close(() => done()));
  };
  return {
    port: (server.address() as AddressInfo).port,
    get heard() {
      return talks.map((talk) => talk.heard);
    },
    commands: (connection) => talks[connection]?.commands ?? [],
    message: (connection) => talks[connection]?.message ?? "",
    complaints,
    open: () => sockets.size,
    close,
    [Symbol.asyncDispose]: close,
  };
}

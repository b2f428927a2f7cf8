import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { errorText } from "#files";
import type { ProgramCall } from "#process";
import type { Serve } from "../connection-server.ts";
import { waitStatus } from "../run-child.ts";
import { flowWhenRead, leave, type Serving, serveProgram, type Words } from "../serve-program.ts";
import { distrust, tlsVariables } from "./tls-variables.ts";

/** How a server speaks TLS. */
export type TlsServing = {
  readonly context: () => SecureContext;
  /** A client without a certificate that we trust is dropped. */
  readonly needsClientCertificate: boolean;
  readonly setsVariables: boolean;
  readonly handshakeMs: number;
  /** A connection on which nothing passes for this long is over. */
  readonly idleMs: number;
};

/**
 * Serves by TLS: from the first octet, with plain text for the program; or, where UCSPITLS is set and does not begin with a hyphen, when
 * the program asks for it (UCSPI-TLS). A program of ours that can do STARTTLS by itself does so then.
 */
export function serveTls(call: ProgramCall, words: Words, tls: TlsServing): Serving {
  const plain = serveProgram(call, words);
  const serve: Serve = (connection) => {
    const { UCSPITLS: delayed } = connection.env;
    if (delayed === undefined || delayed.startsWith("-")) return serveAtOnce(call, words, tls, connection);
    return plain.isInside ? plain.serve(connection) : serveDelayed(call, words, tls, connection);
  };
  return { isInside: true, serve };
}

type Connection = Parameters<Serve>[0];

async function serveAtOnce(
  call: ProgramCall,
  words: Words,
  tls: TlsServing,
  { socket, env, number, started }: Connection,
): Promise<number | { readonly trouble: string }> {
  const secure = await handshake(socket, tls);
  if ("trouble" in secure) {
    started(number);
    return secure;
  }
  const isInside = call.isOwn(words);
  if (isInside) started(number);
  flowWhenRead(secure);
  const told = tls.setsVariables ? { ...env, ...tlsVariables(secure) } : env;
  const code = await call.exec(words, { env: told, stdin: secure, stdout: secure, pid: number, onSpawn: started });
  await leave(secure);
  return code << 8;
}

/** Makes a connection a TLS one, or says why it is none. */
function handshake(socket: Socket, tls: TlsServing): Promise<TLSSocket | { readonly trouble: string }> {
  const { context, needsClientCertificate, handshakeMs, idleMs } = tls;
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext: context(),
    requestCert: needsClientCertificate,
    rejectUnauthorized: false, // Judged below, so that there is a reason to log.
  });
  return new Promise((done) => {
    const fail = (reason: string): void => {
      clearTimeout(late);
      secure.on("error", () => {}).destroy();
      done({ trouble: `unable to speak TLS: ${reason}` });
    };
    const late = setTimeout(() => fail("timed out"), handshakeMs);
    const failed = (error: Error): void => fail(error.message);
    const closed = (): void => fail("connection closed");
    secure.once("error", failed).once("close", closed);
    // A half-open connection does not close by itself, and nobody reads it yet: look for its end.
    const look = (): void => void secure.read(0);
    secure.on("readable", look).once("end", closed);
    secure.once("secure", () => {
      const reason = needsClientCertificate ? distrust(secure) : null;
      if (reason !== null) {
        fail(reason);
        return;
      }
      clearTimeout(late);
      secure
        .off("readable", look)
        .off("end", closed)
        .off("error", failed)
        .off("close", closed)
        .on("error", () => {});
      secure.setTimeout(idleMs, () => secure.destroy());
      done(secure);
    });
  });
}

/** Descriptors by which a program asks for TLS and speaks through it. */
const control = 3;
const reading = 4;
const writing = 5;

/** The program has the connection itself until it asks, by a `y` on its descriptor SSLCTLFD; then it has plain text on two others. */
function serveDelayed(
  call: ProgramCall,
  words: Words,
  tls: TlsServing,
  { socket, env, number, started }: Connection,
): Promise<number | { readonly trouble: string }> {
  const [program, ...args] = words;
  const told = { ...env, SSLCTLFD: String(control), SSLREADFD: String(reading), SSLWRITEFD: String(writing) };
  const where = call.become === null ? { cwd: call.cwd } : {};
  const child = spawn(program, args, {
    env: told,
    ...where,
    stdio: [socket, socket, call.stderr === process.stderr ? 2 : "pipe", "pipe", "pipe", "pipe"],
  });
  child.stderr?.pipe(call.stderr, { end: false });
  if (child.pid !== undefined) started(child.pid);
  upgradeWhenAsked(child, socket, tls);
  return new Promise((done) => {
    child.once("exit", (code, signal) => void leave(socket).then(() => done(waitStatus(code, signal))));
    child.once("error", (error) => {
      started(number);
      done({ trouble: `unable to run ${program}: ${errorText(error)}` });
    });
  });
}

function upgradeWhenAsked(child: ChildProcess, socket: Socket, tls: TlsServing): void {
  const stdio: readonly unknown[] = child.stdio;
  const [ask, toProgram, fromProgram] = [stdio[control], stdio[reading], stdio[writing]];
  if (!(ask instanceof Duplex) || !(toProgram instanceof Duplex) || !(fromProgram instanceof Duplex)) return;
  for (const stream of [ask, toProgram, fromProgram]) stream.on("error", () => {});
  ask.once("data", (wish: Buffer) => {
    const letter = wish.toString("latin1", 0, 1);
    if (letter !== "y" && letter !== "Y") return;
    unblock(socket);
    void handshake(socket, tls).then((secure) => {
      if ("trouble" in secure) {
        toProgram.end();
        fromProgram.destroy();
        return;
      }
      if (letter === "Y") ask.write(`${environmentList(tlsVariables(secure))}\0`);
      secure.pipe(toProgram);
      fromProgram.pipe(secure);
    });
  });
}

function environmentList(env: NodeJS.ProcessEnv): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
}

/** Descriptors 0 and 1 of a child are made to wait; the socket is one with them, and ours must not. */
function unblock(socket: Socket): void {
  const handle = (socket as unknown as { readonly _handle?: { readonly setBlocking?: (on: boolean) => void } })._handle;
  handle?.setBlocking?.(false);
}

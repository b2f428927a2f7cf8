import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { LineWire, WireError } from "#net";
import { authenticate, type Credentials } from "./authenticate.ts";
import { type Extensions, parseExtensions, readReply, type ServerReply } from "./reply.ts";
import { SmtpSession } from "./session.ts";
import { startTls, type TlsManner, type TlsPolicy } from "./start-tls.ts";

/** How to open a conversation. */
export type OpenOptions = {
  /** Our name in EHLO and HELO. */
  readonly helo: string;
  /** For every read and write, in milliseconds (control/timeoutremote). */
  readonly timeoutMs: number;
  readonly tls: TlsPolicy;
  /** Left out: we show no certificate, and take Node's ciphers. */
  readonly tlsManner?: TlsManner;
  /** The server's name, for SNI and certificates; its address if it has none. */
  readonly host: string;
  /** For a relay that wants to know who we are; null for everyone else. */
  readonly credentials: Credentials | null;
};

/**
 * How it began. Everything but `ready` means: no mail command was sent, and the connection is closed. `tls-failed` under an
 * opportunistic policy: connect again without TLS.
 */
export type Opened =
  | { readonly kind: "ready"; readonly session: SmtpSession; readonly tls: TlsUsed | null }
  | { readonly kind: "refused"; readonly at: "greeting" | "hello" | "auth"; readonly reply: ServerReply }
  | { readonly kind: "auth-impossible" }
  | { readonly kind: "tls-failed"; readonly reason: string }
  | { readonly kind: "died" };

/** How a conversation was secured, in OpenSSL's words. */
export type TlsUsed = { readonly version: string; readonly cipher: string };

type Hello =
  | { readonly kind: "welcome"; readonly extensions: Extensions }
  | { readonly kind: "refused"; readonly reply: ServerReply };

/** EHLO, and HELO for a server that does not know it (RFC 5321 §3.2). */
async function sayHello(wire: LineWire, helo: string): Promise<Hello> {
  wire.write(`EHLO ${helo}\r\n`);
  const reply = await readReply(wire);
  if (reply.code === 250) return { kind: "welcome", extensions: parseExtensions(reply.text) };
  if (reply.code < 500) return { kind: "refused", reply };
  wire.write(`HELO ${helo}\r\n`);
  const plain = await readReply(wire);
  return plain.code === 250 ? { kind: "welcome", extensions: new Map() } : { kind: "refused", reply: plain };
}

function leave(wire: LineWire): void {
  wire.write("QUIT\r\n");
  void wire.end();
}

async function converse(wire: LineWire, options: OpenOptions): Promise<Opened> {
  const { helo, tls, host } = options;
  const greeting = await readReply(wire);
  if (greeting.code !== 220) {
    leave(wire);
    return { kind: "refused", at: "greeting", reply: greeting };
  }
  const hello = await sayHello(wire, helo);
  if (hello.kind === "refused") {
    leave(wire);
    return { kind: "refused", at: "hello", reply: hello.reply };
  }
  const clear = (): Promise<Opened> => prove(wire, hello.extensions, options, false);
  if (tls.kind === "never") return clear();
  if (!hello.extensions.has("STARTTLS")) {
    if (tls.kind === "opportunistic") return clear();
    leave(wire);
    return { kind: "tls-failed", reason: "TLS not offered" };
  }
  const upgrade = await startTls(wire, host, tls, options.tlsManner);
  if (upgrade.kind === "failed") return { kind: "tls-failed", reason: upgrade.reason };
  if (upgrade.kind === "declined") {
    if (tls.kind === "opportunistic") return clear();
    leave(wire);
    return { kind: "tls-failed", reason: `TLS declined: ${upgrade.text.trimEnd()}` };
  }
  return helloAgain(upgrade.wire, options);
}

/** Nothing on this connection leaves this host. */
function isLoopback(socket: Socket): boolean {
  const { remoteAddress = "" } = socket;
  return remoteAddress.startsWith("127.") || remoteAddress === "::1";
}

function usedOf(socket: TLSSocket): TlsUsed {
  return { version: socket.getProtocol() ?? "unknown", cipher: socket.getCipher().name };
}

/** The last step: credentials, where there are any. A tunnel on this host (stunnel) counts as private. */
async function prove(wire: LineWire, extensions: Extensions, options: OpenOptions, isSecure: boolean): Promise<Opened> {
  const session = new SmtpSession(wire, extensions, isSecure);
  const ready: Opened = { kind: "ready", session, tls: isSecure ? usedOf(wire.socket as TLSSocket) : null };
  if (options.credentials === null) return ready;
  const isPrivate = isSecure || isLoopback(wire.socket as Socket); // Only TCP connections get here.
  const result = await authenticate(wire, extensions, options.credentials, isPrivate);
  if (result === null) return ready;
  leave(wire);
  return result === "impossible" ? { kind: "auth-impossible" } : { kind: "refused", at: "auth", reply: result };
}

/** What was said in the clear is forgotten (RFC 3207 §4.2). */
async function helloAgain(wire: LineWire, options: OpenOptions): Promise<Opened> {
  try {
    const hello = await sayHello(wire, options.helo);
    if (hello.kind === "welcome") return await prove(wire, hello.extensions, options, true);
    leave(wire);
    return { kind: "refused", at: "hello", reply: hello.reply };
  } catch (error) {
    wire.socket.destroy();
    throw error;
  }
}

/** Takes a fresh TCP connection as far as MAIL. Throws only on bugs; the caller ends the session it gets. */
export async function openSession(socket: Socket, options: OpenOptions): Promise<Opened> {
  const wire = new LineWire(socket, options.timeoutMs);
  try {
    return await converse(wire, options);
  } catch (error) {
    socket.destroy();
    if (error instanceof WireError) return { kind: "died" };
    throw error;
  }
}

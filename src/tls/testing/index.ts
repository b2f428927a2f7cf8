/** For tests: a home with certificates, and clients that look at what they are shown. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { keyPem, makeKey, selfSign } from "../make-certificate.ts";

export { type AcmeServer, startAcmeServer } from "./acme-server.ts";

/** A certificate for these names and its key, in one text; good for a day. */
export function testIdentity(...names: readonly [string, ...string[]]): string {
  const key = makeKey();
  const now = Date.now();
  const [notBefore, notAfter] = [new Date(now - 3_600_000), new Date(now + 86_400_000)];
  return selfSign({ names, key, notBefore, notAfter }) + keyPem(key);
}

/** A home with nothing but these control files (`certs/x.pem` makes the folder); `[Symbol.dispose]` removes it. */
export function testHome(
  control: Readonly<Record<string, string>>,
): Disposable & { readonly home: string; lay(name: string, text: string): void } {
  const home = mkdtempSync(join(tmpdir(), "quail-tls-"));
  for (const folder of ["control", "control/certs", "run", "run/tls"]) mkdirSync(join(home, folder));
  const lay = (name: string, text: string): void => writeFileSync(join(home, "control", name), text);
  for (const [name, text] of Object.entries(control)) lay(name, text);
  return { home, lay, [Symbol.dispose]: () => rmSync(home, { recursive: true }) };
}

const tickets = new WeakMap<TLSSocket, Promise<Buffer>>();

/** The first ticket a client gets, once it is there. */
export const ticketOf = (socket: TLSSocket): Promise<Buffer> =>
  tickets.get(socket) ?? Promise.reject(new Error("who?"));

const patienceMs = 20_000;

/** A handshake as a client; rejects with what stood against it. Certificates are not judged. */
export function greetTls(socket: Duplex, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((done, failed) => {
    const secure = connect({ socket, rejectUnauthorized: false, ...options });
    const timer = setTimeout(() => secure.destroy(new Error("no handshake in time")), patienceMs);
    tickets.set(secure, new Promise((got) => secure.once("session", got)));
    secure.once("secureConnect", () => {
      clearTimeout(timer);
      done(secure);
    });
    secure.once("error", (error) => {
      clearTimeout(timer);
      failed(error);
    });
    secure.once("close", () => failed(new Error("closed")));
  });
}

/** The common name of the certificate a client was shown. */
export const shownName = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

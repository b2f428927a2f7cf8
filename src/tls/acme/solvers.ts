/** Answers to challenges: by HTTP (RFC 8555 §8.3), by TLS (RFC 8737), by a record in DNS (RFC 8555 §8.4). */
import { createServer } from "node:http";
import type { ListenOptions, Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { keyPem, makeKey, selfSign } from "../make-certificate.ts";
import type { Challenge, Solver } from "./obtain.ts";

/** A challenge's certificate is looked at now or never. */
const certificateMs = 24 * 60 * 60 * 1000;
/** Nobody asks a challenge's listener for long. */
const idleMs = 10_000;

/** Listens; the returned function ends it, clients and all. */
function listening(
  server: Server & { readonly closeAllConnections?: () => void },
  where: ListenOptions,
): Promise<() => Promise<void>> {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(where, () => {
      server.off("error", failed).on("error", () => {}); // A client that could not be accepted asks again.
      done(
        () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections?.();
          }),
      );
    });
  });
}

/** Shows `/.well-known/acme-challenge/TOKEN` at this place, which port 80 of the name must lead to, and nothing else. */
export function httpSolver(where: ListenOptions): Solver {
  return {
    type: "http-01",
    present({ token, answer }) {
      const server = createServer({ requestTimeout: idleMs, headersTimeout: idleMs }, (request, response) => {
        const isIt = request.url === `/.well-known/acme-challenge/${token}`;
        response.writeHead(isIt ? 200 : 404, { "Content-Type": "application/octet-stream", Connection: "close" });
        response.end(isIt ? answer : "");
      });
      return listening(server, where);
    },
  };
}

/** Shows a certificate of its own to who asks for `acme-tls/1`, at this place, which port 443 of the name must lead to. */
export function tlsSolver(where: ListenOptions): Solver {
  return {
    type: "tls-alpn-01",
    present({ name, digest }) {
      const key = makeKey();
      const now = Date.now();
      const [notBefore, notAfter] = [new Date(now - certificateMs), new Date(now + certificateMs)];
      const cert = selfSign({ names: [name], key, notBefore, notAfter, acmeDigest: digest });
      const options = {
        cert,
        key: keyPem(key),
        ALPNProtocols: ["acme-tls/1"],
        handshakeTimeout: idleMs,
        minVersion: "TLSv1.2",
      } as const;
      const server = createTlsServer(options, (socket) => {
        socket.on("error", () => {}); // It has seen what it wanted.
        socket.setTimeout(idleMs, () => socket.destroy());
        socket.end();
      });
      server.on("tlsClientError", () => {}); // Somebody else.
      return listening(server, where);
    },
  };
}

/** The record that proves a name: `_acme-challenge.NAME`, TXT. */
export const dnsRecord = ({ name, digest }: Challenge): { readonly name: string; readonly value: string } => ({
  name: `_acme-challenge.${name}`,
  value: digest.toString("base64url"),
});

/** Has somebody lay the record: a person, or a program. `remove` is called when it has served. */
export function dnsSolver(
  lay: (record: { readonly name: string; readonly value: string }) => Promise<void>,
  remove: (record: { readonly name: string; readonly value: string }) => Promise<void>,
): Solver {
  return {
    type: "dns-01",
    async present(challenge) {
      const record = dnsRecord(challenge);
      await lay(record);
      return () => remove(record);
    },
  };
}

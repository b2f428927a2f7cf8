import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Contexts, type NodeTls } from "./contexts.ts";
import { factOf, type TlsFact } from "./fact.ts";

/** A handshake is a few round trips; who needs longer holds a slot of everybody's (sslserver's -T is 26 s). */
const handshakeMs = 30_000;
/** Handshakes under way in one process. Each costs 1 ms of CPU and 100 KB until it is over. */
const maxHandshakes = 200;

/** How the way to a secure connection ended. `unavailable`: nothing was said yet. `failed`: the connection is of no more use, and closed. */
export type Secured =
  | { readonly kind: "secure"; readonly socket: TLSSocket; readonly fact: TlsFact }
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** The server's side of TLS, for all connections of a process. */
export type TlsServer = {
  /** Whether there is a certificate. Costs two looks at files a second at most. */
  readonly isOffered: () => boolean;
  /**
   * Makes a connection secure. `goAhead` is called when everything is ready: it tells the peer so and lets go of the connection. What
   * it throws is thrown.
   */
  readonly secure: (goAhead: () => Duplex | Promise<Duplex>) => Promise<Secured>;
};

/** What sets one server apart from another. */
export type TlsServerOptions = {
  readonly home: string;
  /** Gets a sentence about a certificate that cannot be used, once. */
  readonly alert: (problem: string) => void;
  /** The protocol spoken inside, for clients that name theirs (RFC 7301); left out: whatever they say. */
  readonly alpn?: string;
  readonly handshakeMs?: number;
  readonly maxHandshakes?: number;
};

/** Nothing is read or loaded before the first client wants TLS. */
export function tlsServer(options: TlsServerOptions): TlsServer {
  const contexts = new Contexts(options.home, options.alert);
  const most = options.maxHandshakes ?? maxHandshakes;
  let underWay = 0;

  const secure = async (goAhead: () => Duplex | Promise<Duplex>): Promise<Secured> => {
    const tls = await import("node:tls");
    const reason = unready(tls, contexts, options.alert);
    if (reason !== null) return { kind: "unavailable", reason };
    if (underWay >= most) return { kind: "unavailable", reason: "too many handshakes at once" };
    underWay++;
    try {
      return await shakeHands(tls, contexts, await goAhead(), options);
    } finally {
      underWay--;
    }
  };
  return { isOffered: () => contexts.isThere, secure };
}

/** Why no handshake can begin, or null. */
function unready(tls: NodeTls, contexts: Contexts, alert: (problem: string) => void): string | null {
  try {
    return contexts.main(tls) === null ? "no certificate" : null;
  } catch (error) {
    alert(error instanceof Error ? error.message : String(error));
    return "unable to read controls";
  }
}

function shakeHands(tls: NodeTls, contexts: Contexts, plain: Duplex, options: TlsServerOptions): Promise<Secured> {
  const asksClients = contexts.settings.clientAuthorities !== null;
  const main = contexts.main(tls);
  const socket = new tls.TLSSocket(plain, {
    isServer: true,
    ...(main === null ? {} : { secureContext: main }),
    requestCert: asksClients,
    rejectUnauthorized: false, // Who has none, or a wrong one, is a client like any other.
    ...(options.alpn === undefined ? {} : { ALPNProtocols: [options.alpn] }),
    SNICallback: (name, give) => {
      try {
        give(null, contexts.forName(tls, name) ?? undefined);
      } catch (error) {
        give(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
  return new Promise((done) => {
    const settle = (result: Secured): void => {
      clearTimeout(timer);
      socket.off("secure", onSecure).off("error", onError).off("close", onClose);
      if (result.kind !== "secure") {
        socket.on("error", () => {}); // Given up already; nobody waits for this.
        socket.destroy();
      }
      done(result);
    };
    const fail = (reason: string): void => settle({ kind: "failed", reason });
    const timer = setTimeout(() => fail("timeout"), options.handshakeMs ?? handshakeMs);
    const onSecure = (): void => settle({ kind: "secure", socket, fact: factOf(socket, asksClients) });
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
    const onClose = (): void => fail("closed");
    socket.once("secure", onSecure).once("error", onError).once("close", onClose);
    // A socket that has ended already never says so again.
    if (plain.destroyed) fail("closed");
  });
}

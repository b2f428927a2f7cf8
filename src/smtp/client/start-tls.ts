import { isIP, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ByteString } from "#bytes";
import { LineWire } from "#net";
import { readReply } from "./reply.ts";

/** When to use TLS: not at all; when offered, whoever the server is (RFC 7435); or only with a server that proves its name to these authorities. */
export type TlsPolicy =
  | { readonly kind: "never" }
  | { readonly kind: "opportunistic" }
  | { readonly kind: "verified"; readonly authorities: Buffer };

/** How we speak TLS to whomever: what we show to a server that asks who we are, and the ciphers of TLS 1.2. Null: nothing, Node's. */
export type TlsManner = {
  /** A certificate and its key, in PEM. */
  readonly identity: string | null;
  /** OpenSSL's list. */
  readonly ciphers: string | null;
};

/** How the upgrade ended. `declined`: the server said no and the conversation goes on in the clear. `failed`: the connection is of no more use. */
export type Upgrade =
  | { readonly kind: "secure"; readonly wire: LineWire }
  | { readonly kind: "declined"; readonly text: ByteString }
  | { readonly kind: "failed"; readonly reason: string };

/** A handshake is a few round trips; a server that takes longer has none to offer. */
const handshakeTimeoutMs = 60_000;
/** RFC 8996: older versions are not to be used. */
const oldestVersion = "TLSv1.2";

/** TLS 1.3's suites; a list without them would turn that version off. */
const suites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

function mannerOptions({ identity, ciphers }: TlsManner) {
  return {
    ...(identity === null ? {} : { cert: identity, key: identity }),
    ...(ciphers === null ? {} : { ciphers: `${suites13}:${ciphers}` }),
  };
}

/** Node's TLS, loaded for the first server that offers it: 2 MB. */
type Tls = typeof import("node:tls");

function handshake(
  { connect }: Tls,
  socket: Socket,
  host: string,
  policy: TlsPolicy,
  manner: TlsManner,
  timeoutMs: number,
): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const secure = connect({
      socket,
      ...mannerOptions(manner),
      minVersion: oldestVersion,
      rejectUnauthorized: policy.kind === "verified",
      ...(policy.kind === "verified" ? { ca: policy.authorities } : {}),
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const timer = setTimeout(() => settle("TLS handshake timed out"), timeoutMs);
    const settle = (result: TLSSocket | string): void => {
      clearTimeout(timer);
      secure.removeListener("secureConnect", onSecure);
      secure.removeListener("error", onError);
      secure.removeListener("close", onClose);
      if (typeof result === "string") {
        secure.on("error", () => {}); // Given up already; nobody waits for this.
        secure.destroy();
      }
      resolve(result);
    };
    const onSecure = (): void => settle(secure);
    const onError = (error: NodeJS.ErrnoException): void => settle(error.code ?? error.message);
    const onClose = (): void => settle("closed during TLS handshake");
    secure.once("secureConnect", onSecure);
    secure.once("error", onError);
    secure.once("close", onClose);
  });
}

/** OpenSSL throws at once for a certificate or a list of ciphers it cannot use. */
const whyNot = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

/**
 * STARTTLS (RFC 3207). `host` is the server's name for SNI and, where the policy asks for it, for the certificate. Bytes that
 * the server sent before the handshake make it fail: they would count as said in private (CVE-2011-0411).
 */
export async function startTls(
  wire: LineWire,
  host: string,
  policy: TlsPolicy,
  manner: TlsManner = { identity: null, ciphers: null },
): Promise<Upgrade> {
  wire.write("STARTTLS\r\n");
  const reply = await readReply(wire);
  if (reply.code !== 220) return { kind: "declined", text: reply.text };
  if (wire.unreadBytes > 0) {
    wire.socket.destroy();
    return { kind: "failed", reason: "bytes before the TLS handshake" };
  }
  const { timeoutMs } = wire;
  const tls = await import("node:tls"); // Before the socket is let go of: nobody would hear its errors.
  const socket = wire.release() as Socket; // Only TCP connections get here.
  const limitMs = Math.min(timeoutMs, handshakeTimeoutMs);
  const secure = await handshake(tls, socket, host, policy, manner, limitMs).catch(whyNot);
  if (typeof secure === "string") return { kind: "failed", reason: secure };
  return { kind: "secure", wire: new LineWire(secure, timeoutMs) };
}

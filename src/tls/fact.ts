import type { TLSSocket } from "node:tls";
import { type ClientCertificate, clientCertificateOf } from "./client-certificate.ts";

/** What is known of a connection that speaks TLS. Nothing in it is the client's claim but `sni`. */
export type TlsFact = {
  /** As OpenSSL writes it: `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL's name, which for TLS 1.3 is the IANA name: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The name the client asked for (RFC 6066 §3), lower case; null if it gave none. */
  readonly sni: string | null;
  /** Only one that control/clientca.pem vouches for; null otherwise. */
  readonly clientCert: ClientCertificate | null;
  /** Whether a session ticket spared the handshake. */
  readonly isResumed: boolean;
  /** Keying material of this connection (RFC 5705); `EXPORTER-Channel-Binding`, 32 octets, is SCRAM's tls-exporter (RFC 9266). */
  readonly exportKey: (label: string, lengthBytes: number) => Buffer;
  /** Our own certificate in DER, for the binding tls-server-end-point (RFC 5929 §4); null if it cannot be told. */
  readonly ownCertificate: () => Buffer | null;
};

/** Reads the fact off a socket whose handshake is over. `asksClients`: a certificate was asked for. */
export function factOf(socket: TLSSocket, asksClients: boolean): TlsFact {
  const sni: unknown = (socket as { readonly servername?: unknown }).servername;
  return {
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().name,
    sni: typeof sni === "string" && sni !== "" ? sni.toLowerCase() : null,
    clientCert: asksClients ? clientCertificateOf(socket) : null,
    isResumed: socket.isSessionReused(),
    exportKey: (label, lengthBytes) => socket.exportKeyingMaterial(lengthBytes, label, Buffer.alloc(0)),
    ownCertificate: () => socket.getX509Certificate()?.raw ?? null,
  };
}

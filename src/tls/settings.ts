import { readSetting } from "#control";
import { cryptoLater } from "#process/memory";

/** How a server speaks TLS, as the control files say. */
export type TlsSettings = {
  /** OpenSSL's list, ours (TLS 1.3's suites and what tlsserverciphers says of older ones). */
  readonly ciphers: string;
  readonly oldest: "TLSv1.2" | "TLSv1.3";
  /** PEM: whoever these vouch for is known by name; null: no client is asked for a certificate. */
  readonly clientAuthorities: string | null;
};

/** The suites of TLS 1.3 (RFC 8446 §B.4). A list of ciphers without them would turn that version off. */
const suites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
/** TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325 §4.2). */
export const modernCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

/** Which control files they are, for whoever must grant reading them. */
export const tlsControlFiles = ["servercert.pem", "clientca.pem", "tlsserverciphers", "tlsmin"] as const;

/** Reads them. Throws ControlError. */
export function loadTlsSettings(home: string): TlsSettings {
  return {
    ciphers: `${suites13}:${readSetting(home, "tlsserverciphers") ?? modernCiphers}`,
    oldest: readSetting(home, "tlsmin") === "1.3" ? "TLSv1.3" : "TLSv1.2",
    clientAuthorities: readSetting(home, "clientca.pem"),
  };
}

/** No session is ever renegotiated (CVE-2011-1473), nor compressed; clients without AES in hardware get ChaCha20. */
export function secureOptions(): number {
  const { constants } = cryptoLater();
  return constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_PRIORITIZE_CHACHA;
}

import type { PeerCertificate, TLSSocket } from "node:tls";

/** A name of a certificate on one line, as mod_ssl writes it: `/C=US/CN=mail.example.org`. */
function nameLine(name: PeerCertificate["subject"] | undefined): string {
  if (name === undefined) return "";
  return Object.entries(name)
    .flatMap(([key, values]) => [values].flat().map((value) => `/${key}=${value}`))
    .join("");
}

function ofCertificate(prefix: string, certificate: PeerCertificate): readonly (readonly [string, string])[] {
  const { subject, issuer, serialNumber, valid_from: from, valid_to: to } = certificate;
  if (subject === undefined) return [];
  return [
    [`${prefix}_S_DN`, nameLine(subject)],
    [`${prefix}_S_DN_CN`, [subject.CN].flat()[0] ?? ""],
    [`${prefix}_I_DN`, nameLine(issuer)],
    [`${prefix}_M_SERIAL`, serialNumber],
    [`${prefix}_V_START`, from],
    [`${prefix}_V_END`, to],
  ];
}

/** Why OpenSSL does not trust the peer's certificate; null if it does. */
export function distrust(socket: TLSSocket): string | null {
  const { ssl } = socket as unknown as { readonly ssl?: { verifyError(): Error | null } };
  return ssl?.verifyError()?.message ?? null;
}

/** The variables of mod_ssl for a TLS connection whose handshake is over (`-s`). */
export function tlsVariables(socket: TLSSocket): NodeJS.ProcessEnv {
  const cipher = socket.getCipher();
  const peer = socket.getPeerCertificate();
  const own = socket.getCertificate();
  const hasPeer = "subject" in peer && peer.subject !== undefined;
  const { servername } = socket as { readonly servername?: string | false | null };
  return Object.fromEntries([
    ["SSL_PROTOCOL", socket.getProtocol() ?? ""],
    ["SSL_CIPHER", cipher.name],
    ["SSL_SESSION_ID", socket.getSession()?.toString("hex").slice(0, 64) ?? ""],
    ["SSL_TLS_SNI", servername || ""],
    ["SSL_CLIENT_VERIFY", hasPeer ? verdict(distrust(socket)) : "NONE"],
    ...(hasPeer ? ofCertificate("SSL_CLIENT", peer) : []),
    ...(own !== null && "subject" in own ? ofCertificate("SSL_SERVER", own as PeerCertificate) : []),
  ]);
}

function verdict(reason: string | null): string {
  return reason === null ? "SUCCESS" : `FAILED:${reason}`;
}

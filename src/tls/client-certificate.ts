import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** A client's certificate that an authority of ours vouches for. Texts are as the authority wrote them. */
export type ClientCertificate = {
  /** Lines `CN=joe`, `O=Example`, as Node shows a subject. */
  readonly subject: string;
  readonly commonName: string | null;
  /** Addresses of the certificate: subject alternative names, and the subject's emailAddress. Lower case. */
  readonly emails: readonly string[];
  /** SHA-256 of the certificate, `AB:CD:...`. */
  readonly fingerprint: string;
};

/** The OpenSSL handle under a TLSSocket: Node tells its verdict only to servers of its own making. */
type Verdict = { readonly _handle?: { readonly verifyError?: () => Error | null | undefined } | null };

/** The certificate the client proved to own, if OpenSSL found it good; null for none, a bad one, and a verdict that cannot be had. */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const handle = (socket as unknown as Verdict)._handle;
  if (typeof handle?.verifyError !== "function" || handle.verifyError()) return null;
  return describe(certificate);
}

function describe(certificate: X509Certificate): ClientCertificate {
  const { subject, subjectAltName = "", fingerprint256 } = certificate;
  const named = (key: string): readonly string[] =>
    (subject ?? "").split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
  // Node quotes a name that holds what could be taken for the end of it: such a name is nobody's address.
  const alternative = subjectAltName.split(", ").flatMap((name) => (name.startsWith("email:") ? [name.slice(6)] : []));
  const emails = [...alternative, ...named("emailAddress")].filter((email) =>
    /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+@[A-Za-z0-9.-]+$/.test(email),
  );
  return {
    subject: subject ?? "",
    commonName: named("CN")[0] ?? null,
    emails: [...new Set(emails.map((email) => email.toLowerCase()))],
    fingerprint: fingerprint256,
  };
}

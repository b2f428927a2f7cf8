import type { KeyObject, X509Certificate } from "node:crypto";
import { cryptoLater } from "#process/memory";

/** A certificate with the key to it: what a server proves itself with. */
export type Identity = {
  /** The certificate and those between it and its authority, in PEM, ours first. */
  readonly chain: string;
  readonly key: string;
  readonly certificate: X509Certificate;
};

/** A file that holds no usable identity; the message says why, without a word of the key. */
export class IdentityError extends Error {}

const block = /-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s:,-]*?-----END \1-----/g;

/**
 * Reads an identity out of a PEM file that holds both, in any order (qmail's servercert.pem). Throws IdentityError if one of them is
 * missing or broken, the key is locked by a password, or they do not belong together.
 */
export function parseIdentity(text: string): Identity {
  const blocks = [...text.matchAll(block)];
  const certificates = blocks.flatMap(([pem, label]) => (label === "CERTIFICATE" ? [pem] : []));
  const keys = blocks.flatMap(([pem, label]) => (label!.endsWith("PRIVATE KEY") ? [pem] : []));
  const [pem] = keys;
  if (certificates.length === 0) throw new IdentityError("holds no certificate");
  if (pem === undefined) throw new IdentityError("holds no private key");
  const key = parseKey(pem);
  const all = certificates.map(parseCertificate);
  // Some put the chain in front: ours is the one the key belongs to.
  const certificate = all.find((one) => one.checkPrivateKey(key));
  if (certificate === undefined) throw new IdentityError("has a key that belongs to none of its certificates");
  const others = certificates.filter((_pem, at) => all[at] !== certificate);
  return { chain: `${[certificates[all.indexOf(certificate)], ...others].join("\n")}\n`, key: pem, certificate };
}

function parseKey(pem: string): KeyObject {
  try {
    return cryptoLater().createPrivateKey(pem);
  } catch {
    const locked = pem.includes("ENCRYPTED");
    throw new IdentityError(
      locked ? "has a key that is locked by a password" : "has a private key that cannot be read",
    );
  }
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new (cryptoLater().X509Certificate)(pem);
  } catch {
    throw new IdentityError("has a certificate that cannot be read");
  }
}

/** The host names a certificate is for, lower case, `*.` wildcards as they are. Without any, its common name. */
export function namesOf(certificate: X509Certificate): readonly string[] {
  const alternative = (certificate.subjectAltName ?? "")
    .split(", ")
    .flatMap((name) => (name.startsWith("DNS:") ? [name.slice(4).toLowerCase()] : []));
  if (alternative.length > 0 || certificate.subjectAltName !== undefined) return alternative;
  const [, common] = /^CN=(.+)$/m.exec(certificate.subject ?? "") ?? [];
  return common === undefined ? [] : [common.toLowerCase()];
}

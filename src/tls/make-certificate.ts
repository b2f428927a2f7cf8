/**
 * Certificates and requests for them, which Node reads but cannot make: ECDSA on P-256, SHA-256 (RFC 5280, RFC 2986). The names go
 * into the subject alternative name, where clients look (RFC 9525 §6.3); the subject's CN is for people.
 */
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { cryptoLater } from "#process/memory";
import * as der from "./der.ts";

const oids = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  rsaWithSha256: "1.2.840.113549.1.1.11",
  extensionRequest: "1.2.840.113549.1.9.14",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  /** RFC 8737 §6.1. */
  acmeIdentifier: "1.3.6.1.5.5.7.1.31",
} as const;

/** RFC 5280's bound on a common name. */
const maxCommonNameChars = 64;

/** The kinds of key we make; a key that was brought along may be any that OpenSSL signs SHA-256 with. */
export function makeKey(): KeyObject {
  return cryptoLater().generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** A key as a file holds it (PKCS #8). */
export const keyPem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

const pem = (label: string, octets: Buffer): string =>
  `-----BEGIN ${label}-----\n${octets.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;

function subject(name: string): Buffer {
  const cn = der.sequence(der.oid(oids.commonName), der.utf8String(name.slice(0, maxCommonNameChars)));
  return der.sequence(der.setOf(cn));
}

/** Groups of an IPv6 address, zeros filled in. */
function ipv6Groups(ip: string): readonly number[] {
  const [head = "", tail] = ip.split("::");
  const groups = (text: string): readonly number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<number>(zeros).fill(0), ...right];
}

function ipOctets(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split(".").map(Number));
  return Buffer.from(ipv6Groups(ip).flatMap((group) => [group >> 8, group & 0xff]));
}

/** A GeneralName: an address, or a host's name (RFC 5280 §4.2.1.6). */
const generalName = (name: string): Buffer =>
  isIP(name) === 0 ? der.tagged(2, Buffer.from(name, "latin1"), false) : der.tagged(7, ipOctets(name), false);

function extension(id: string, content: Buffer, isCritical = false): Buffer {
  return der.sequence(der.oid(id), ...(isCritical ? [der.boolean(true)] : []), der.octetString(content));
}

const altNames = (names: readonly string[]): Buffer =>
  extension(oids.subjectAltName, der.sequence(...names.map(generalName)));

const signatureKind = (key: KeyObject): Buffer =>
  key.asymmetricKeyType === "ec"
    ? der.sequence(der.oid(oids.ecdsaWithSha256))
    : der.sequence(der.oid(oids.rsaWithSha256), Buffer.from([0x05, 0x00]));

/** SubjectPublicKeyInfo. */
const publicPart = (key: KeyObject): Buffer =>
  (key.type === "public" ? key : cryptoLater().createPublicKey(key)).export({ type: "spki", format: "der" });

/** `body`, what it was signed with, and the signature. */
function signed(body: Buffer, key: KeyObject): Buffer {
  return der.sequence(body, signatureKind(key), der.bitString(cryptoLater().sign("sha256", body, key)));
}

/** What a self-signed certificate is made of. Names: hosts (A-labels) and IP addresses; the first one is the subject. */
export type SelfSigned = {
  readonly names: readonly [string, ...string[]];
  readonly key: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of a key authorization, for the challenge tls-alpn-01 (RFC 8737 §3). */
  readonly acmeDigest?: Buffer;
  /** Not self-signed after all: `key` is an authority's of this name, and the certificate is for this other key. */
  readonly issued?: { readonly by: string; readonly to: KeyObject };
};

/** A certificate nobody but us vouches for, in PEM. */
export function selfSign({ names, key, notBefore, notAfter, acmeDigest, issued }: SelfSigned): string {
  const serial = cryptoLater().randomBytes(16);
  serial[0]! &= 0x7f; // Positive, and not zero.
  serial[0]! |= 0x40;
  const who = subject(names[0]);
  const extensions = [
    extension(oids.basicConstraints, der.sequence(), true),
    extension(oids.keyUsage, der.bitString(Buffer.from([0x80]), 7), true), // digitalSignature
    extension(oids.extendedKeyUsage, der.sequence(der.oid(oids.serverAuth), der.oid(oids.clientAuth))),
    altNames(names),
    ...(acmeDigest === undefined ? [] : [extension(oids.acmeIdentifier, der.octetString(acmeDigest), true)]),
  ];
  const body = der.sequence(
    der.tagged(0, der.smallInteger(2), true), // v3
    der.integer(serial),
    signatureKind(key),
    issued === undefined ? who : subject(issued.by),
    der.sequence(der.time(notBefore), der.time(notAfter)),
    who,
    publicPart(issued?.to ?? key),
    der.tagged(3, der.sequence(...extensions), true),
  );
  return pem("CERTIFICATE", signed(body, key));
}

/** A request for a certificate for these names, in DER (RFC 2986), as ACME wants it (RFC 8555 §7.4). */
export function makeRequest(names: readonly [string, ...string[]], key: KeyObject): Buffer {
  const wanted = der.sequence(der.oid(oids.extensionRequest), der.setOf(der.sequence(altNames(names))));
  const body = der.sequence(
    der.smallInteger(0),
    subject(names[0]),
    publicPart(key),
    der.tagged(0, wanted, true), // Attributes: a set, tagged.
  );
  return signed(body, key);
}

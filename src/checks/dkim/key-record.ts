import { createPublicKey, type KeyObject } from "node:crypto";
import type { ByteString } from "#bytes";
import { colonList, decodeBase64, parseTagList, withoutBlanks } from "../tag-list.ts";

/** RFC 8301 §3.2: verifiers must not accept shorter RSA keys. */
const minRsaBits = 1024;
/** A longer one is not worth our time; no signer publishes it. */
const maxRsaBits = 8192;

/** A public key as its DNS record gives it (RFC 6376 §3.6.1). */
export type KeyRecord =
  | {
      readonly kind: "key";
      readonly type: "rsa" | "ed25519";
      readonly key: KeyObject;
      readonly bits: number;
      /** t=y: the domain is testing. */
      readonly isTesting: boolean;
      /** t=s: i= must name this very domain, none below it. */
      readonly isStrict: boolean;
    }
  | { readonly kind: "revoked" }
  | { readonly kind: "weak"; readonly bits: number }
  | { readonly kind: "unusable"; readonly why: string };

const unusable = (why: string): KeyRecord => ({ kind: "unusable", why });

/** Reads the TXT record of `SELECTOR._domainkey.DOMAIN`. */
export function parseKeyRecord(text: ByteString): KeyRecord {
  const tags = parseTagList(text);
  if (tags === null) return unusable("key record is malformed");
  const version = tags.get("v");
  if (version !== undefined && (version !== "DKIM1" || tags.keys().next().value !== "v"))
    return unusable("key record is of another version");
  const type = tags.get("k") ?? "rsa";
  if (type !== "rsa" && type !== "ed25519") return unusable("key record is of an unknown type");
  const hashes = tags.get("h");
  if (hashes !== undefined && !colonList(hashes).includes("sha256"))
    return unusable("key record does not allow sha256");
  const services = tags.get("s");
  if (services !== undefined && !colonList(services).some((service) => service === "*" || service === "email"))
    return unusable("key record is not for email");
  const flags = colonList(tags.get("t") ?? "");
  const data = tags.get("p");
  if (data === undefined) return unusable("key record has no key");
  if (withoutBlanks(data) === "") return { kind: "revoked" };
  const bytes = decodeBase64(data);
  if (bytes === null) return unusable("key record has a malformed key");
  const about = { isTesting: flags.includes("y"), isStrict: flags.includes("s") };
  return type === "ed25519" ? ed25519Key(bytes, about) : rsaKey(bytes, about);
}

type About = { readonly isTesting: boolean; readonly isStrict: boolean };

/** RFC 8463 §4.2: the 32 octets as they are. */
function ed25519Key(bytes: Buffer, about: About): KeyRecord {
  if (bytes.length !== 32) return unusable("key record has a malformed key");
  try {
    const key = createPublicKey({
      key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") },
      format: "jwk",
    });
    return { kind: "key", type: "ed25519", key, bits: 256, ...about };
  } catch {
    return unusable("key record has a malformed key"); // Whatever the library disliked.
  }
}

/** A SubjectPublicKeyInfo, or the bare RSAPublicKey the RFC's grammar names (RFC 6376 §3.6.1, erratum 3017). */
function rsaKey(bytes: Buffer, about: About): KeyRecord {
  const key = readRsa(bytes, "spki") ?? readRsa(bytes, "pkcs1");
  if (key === null || key.asymmetricKeyType !== "rsa") return unusable("key record has a malformed key");
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minRsaBits) return { kind: "weak", bits };
  if (bits > maxRsaBits) return unusable("key record has a key that is too long");
  return { kind: "key", type: "rsa", key, bits, ...about };
}

function readRsa(bytes: Buffer, type: "spki" | "pkcs1"): KeyObject | null {
  try {
    return createPublicKey({ key: bytes, format: "der", type });
  } catch {
    return null; // Not of this form.
  }
}

import { createHash, verify } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import type { Dns } from "../dns.ts";
import type { HeaderField } from "../header-fields.ts";
import type { BodyHash } from "./body-hashes.ts";
import { type KeyRecord, parseKeyRecord } from "./key-record.ts";
import type { Algorithm, Signature } from "./signature.ts";
import { signedData } from "./signed-data.ts";

/** RFC 8601 §2.7.1. */
export type DkimWord = "none" | "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";

/** How one signature fared. */
export type SignatureVerdict = {
  readonly result: DkimWord;
  /** In a few words; "" where there is nothing to add. */
  readonly why: string;
  /** Length of the key that was used; null where none was. */
  readonly keyBits: number | null;
  readonly isTesting: boolean;
};

export const verdict = (result: DkimWord, why: string, keyBits: number | null = null): SignatureVerdict => ({
  result,
  why,
  keyBits,
  isTesting: false,
});

/** A clock may be off by so much before a signature counts as made in the future. */
const clockSkewSeconds = 300;

/** The key of a signature; a verdict where there is none to use. */
export async function fetchKey(
  signature: Pick<Signature, "selector" | "domain" | "algorithm">,
  dns: Dns,
): Promise<Extract<KeyRecord, { kind: "key" }> | SignatureVerdict> {
  const found = await dns.resolveTxt(`${signature.selector}._domainkey.${signature.domain}`);
  if (found.kind === "temporary") return verdict("temperror", "no answer from DNS for the key");
  if (found.kind !== "found") return verdict("permerror", "there is no such key");
  // More than one record is undefined (RFC 6376 §3.6.2.2): the first that is a key.
  const records = found.values.slice(0, 10).map(parseKeyRecord);
  const record = records.find(({ kind }) => kind !== "unusable") ?? records[0];
  switch (record?.kind) {
    case "key":
      if (!signature.algorithm.startsWith(record.type)) return verdict("permerror", "the key is of another type");
      return record;
    case "revoked":
      return verdict("permerror", "the key is revoked");
    case "weak":
      return verdict("policy", `a key of ${record.bits} bits is too weak`, record.bits);
    default:
      return verdict("permerror", record?.why ?? "there is no such key");
  }
}

/** Whether `signature` was made over `data` with the private half of `key`. */
export function isSignedWith(
  key: Extract<KeyRecord, { kind: "key" }>["key"],
  algorithm: Algorithm,
  data: ByteString,
  signature: Buffer,
): boolean {
  const bytes = toBytes(data);
  try {
    if (algorithm === "rsa-sha256") return verify("sha256", bytes, key, signature);
    return verify(null, createHash("sha256").update(bytes).digest(), key, signature); // RFC 8463 §3
  } catch {
    return false; // The library throws on a signature of a length that no such key makes.
  }
}

/** Tries one signature (RFC 6376 §6.1). `nowSeconds`: Unix time. */
export async function checkSignature(
  signature: Signature,
  fields: readonly HeaderField[],
  body: BodyHash,
  dns: Dns,
  nowSeconds: number,
): Promise<SignatureVerdict> {
  if (signature.expiresAt !== null && signature.expiresAt < nowSeconds) return verdict("fail", "signature has expired");
  if (signature.signedAt !== null && signature.signedAt > nowSeconds + clockSkewSeconds)
    return verdict("fail", "signature is of the future");
  const trouble = bodyTrouble(signature, body);
  if (trouble !== null) return trouble;
  const key = await fetchKey(signature, dns);
  if (!("key" in key)) return key;
  if (key.isStrict && domainOfIdentity(signature) !== signature.domain)
    return verdict("permerror", "the key does not allow subdomains in i=", key.bits);
  const data = signedData(fields, signature.signedFields, signature.field, signature.header);
  if (!isSignedWith(key.key, signature.algorithm, data, signature.signature))
    return verdict("fail", "signature does not match the header", key.bits);
  // RFC 6376 §8.2: what stands behind l= could be anybody's.
  if (signature.bodyLimit !== null && signature.bodyLimit < body.canonicalBytes)
    return verdict("policy", "part of the body is not signed", key.bits);
  return { result: "pass", why: "", keyBits: key.bits, isTesting: key.isTesting };
}

/** RFC 6376 §6.1.3: the body first, for it needs no key. */
function bodyTrouble(signature: Signature, body: BodyHash): SignatureVerdict | null {
  if (signature.bodyLimit !== null && signature.bodyLimit > body.canonicalBytes)
    return verdict("permerror", "l= is longer than the body");
  return body.digest.equals(signature.bodyHash) ? null : verdict("fail", "body was changed");
}

const domainOfIdentity = ({ identity }: Signature): ByteString =>
  identity.slice(identity.lastIndexOf("@") + 1).toLowerCase();

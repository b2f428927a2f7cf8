import { type ByteString, lowerAscii } from "#bytes";
import { fieldBody, type HeaderField } from "../header-fields.ts";
import { colonList, decodeBase64, parseTagList, withoutBlanks } from "../tag-list.ts";
import type { Canonicalization } from "./canonical-header.ts";

export type Algorithm = "rsa-sha256" | "ed25519-sha256";

/** What a signature field says (RFC 6376 §3.5; ARC-Message-Signature is of the same form, RFC 8617 §4.1.2). */
export type Signature = {
  readonly field: HeaderField;
  readonly algorithm: Algorithm;
  readonly signature: Buffer;
  readonly bodyHash: Buffer;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  /** Lower case. */
  readonly domain: ByteString;
  readonly selector: ByteString;
  /** Names in lower case, in the order they were hashed. */
  readonly signedFields: readonly ByteString[];
  /** i= as written; `@d` unless given. */
  readonly identity: ByteString;
  /** l=: canonical octets of the body that are signed; null: all of it. */
  readonly bodyLimit: number | null;
  /** Unix seconds. */
  readonly signedAt: number | null;
  readonly expiresAt: number | null;
};

/** Why a signature is not even tried; `policy` where it is well formed but not acceptable. */
export type BadSignature = {
  readonly result: "permerror" | "policy" | "neutral";
  readonly why: string;
  /** What could be read of it, for the report. */
  readonly domain: ByteString;
  readonly selector: ByteString;
};

/** RFC 1035 names, as A-labels or UTF-8 (RFC 8616). */
const domainName =
  /^(?:[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_\x80-\xff-]{0,62})\.)*[A-Za-z0-9_\x80-\xff][A-Za-z0-9_\x80-\xff-]{0,62}$/;
const digits = /^[0-9]{1,15}$/;
const fieldToken = /^[\x21-\x39\x3b-\x7e]+$/;
/** Names in h= beyond this are no signature but a way to keep us busy. */
const maxSignedFields = 200;

/** Reads a DKIM-Signature field. */
export function parseSignature(field: HeaderField): Signature | BadSignature {
  const tags = parseTagList(fieldBody(field));
  const domain = lowerAscii(withoutBlanks(tags?.get("d") ?? ""));
  const selector = lowerAscii(withoutBlanks(tags?.get("s") ?? ""));
  const bad = (why: string, result: BadSignature["result"] = "permerror"): BadSignature => ({
    result,
    why,
    domain: domainName.test(domain) ? domain : "",
    selector: domainName.test(selector) ? selector : "",
  });
  if (tags === null) return bad("signature is malformed");
  if (tags.get("v") !== "1") return bad("signature is of another version");
  const common = parseCommon(field, tags);
  if ("why" in common) return bad(common.why, common.result);
  const identity = tags.has("i") ? withoutBlanks(tags.get("i") ?? "") : `@${domain}`;
  const at = identity.lastIndexOf("@");
  const identityDomain = lowerAscii(identity.slice(at + 1));
  if (at < 0 || (identityDomain !== domain && !identityDomain.endsWith(`.${domain}`)))
    return bad("i= is not of the signing domain");
  return { ...common, identity };
}

type Trouble = { readonly why: string; readonly result: BadSignature["result"] };

/** The tags that DKIM-Signature and ARC-Message-Signature share. */
export function parseCommon(
  field: HeaderField,
  tags: ReadonlyMap<ByteString, ByteString>,
): Omit<Signature, "identity"> | Trouble {
  const bad = (why: string, result: BadSignature["result"] = "permerror"): Trouble => ({ why, result });
  const missing = ["a", "b", "bh", "d", "h", "s"].find((name) => !tags.has(name));
  if (missing !== undefined) return bad(`signature has no ${missing}=`);
  const algorithm = tags.get("a");
  if (algorithm === "rsa-sha1") return bad("rsa-sha1 is no proof any more", "policy"); // RFC 8301 §3.1
  if (algorithm !== "rsa-sha256" && algorithm !== "ed25519-sha256") return bad("signature is of an unknown algorithm");
  const domain = lowerAscii(withoutBlanks(tags.get("d") ?? ""));
  const selector = lowerAscii(withoutBlanks(tags.get("s") ?? ""));
  if (!domainName.test(domain) || !domain.includes(".")) return bad("d= is no domain");
  if (!domainName.test(selector)) return bad("s= is no selector");
  const signature = decodeBase64(tags.get("b") ?? "");
  const bodyHash = decodeBase64(tags.get("bh") ?? "");
  if (signature === null || bodyHash === null) return bad("signature has malformed base64");
  const canonicalization = parseCanonicalization(tags.get("c") ?? "simple/simple");
  if (canonicalization === null) return bad("signature is of an unknown canonicalization");
  const methods = tags.get("q");
  if (methods !== undefined && !colonList(methods).includes("dns/txt"))
    return bad("signature is of an unknown query method");
  const signedFields = colonList(lowerAscii(tags.get("h") ?? ""));
  if (signedFields.length > maxSignedFields || !signedFields.every((name) => name === "" || fieldToken.test(name)))
    return bad("h= is malformed");
  const numbers = ["l", "t", "x"].map((name) => {
    const value = tags.get(name);
    return value === undefined ? null : digits.test(value) ? Number(value) : Number.NaN;
  });
  const [bodyLimit = null, signedAt = null, expiresAt = null] = numbers;
  if (numbers.some((number) => Number.isNaN(number))) return bad("signature has a malformed number");
  if (signedAt !== null && expiresAt !== null && expiresAt < signedAt)
    return bad("signature expires before it is made");
  return {
    field,
    algorithm,
    signature,
    bodyHash,
    ...canonicalization,
    domain,
    selector,
    signedFields,
    bodyLimit,
    signedAt,
    expiresAt,
  };
}

function parseCanonicalization(text: ByteString): Pick<Signature, "header" | "body"> | null {
  const [header, body = "simple", ...more] = text.split("/");
  const known = (word: string | undefined): word is Canonicalization => word === "simple" || word === "relaxed";
  return known(header) && known(body) && more.length === 0 ? { header, body } : null;
}

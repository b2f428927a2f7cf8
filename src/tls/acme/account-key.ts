/** The account's key: what every request is signed with (RFC 8555 §6.2), and what a challenge is answered with (§8.1). */
import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";

const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString("base64url");

/** The public half of a P-256 key, members in the order of RFC 7638 §3.2. */
function publicJwk(key: KeyObject): {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
} {
  const { crv = "", kty = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  return { crv, kty, x, y };
}

/** RFC 7638. */
const thumbprint = (key: KeyObject): string =>
  createHash("sha256")
    .update(JSON.stringify(publicJwk(key)))
    .digest("base64url");

/** `token.thumbprint` (RFC 8555 §8.1). */
export const keyAuthorization = (token: string, key: KeyObject): string => `${token}.${thumbprint(key)}`;

/** What a request says of itself. `account`: its address at the server; null before there is one. */
export type Envelope = { readonly url: string; readonly nonce: string; readonly account: string | null };

/** A signed request (RFC 7515, flattened). `payload` undefined: POST-as-GET (RFC 8555 §6.3). */
export function signRequest(key: KeyObject, { url, nonce, account }: Envelope, payload: unknown): string {
  const who = account === null ? { jwk: publicJwk(key) } : { kid: account };
  const header = base64url(JSON.stringify({ alg: "ES256", nonce, url, ...who }));
  const body = payload === undefined ? "" : base64url(JSON.stringify(payload));
  const signature = sign("sha256", Buffer.from(`${header}.${body}`), { key, dsaEncoding: "ieee-p1363" });
  return JSON.stringify({ protected: header, payload: body, signature: base64url(signature) });
}

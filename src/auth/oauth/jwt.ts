/**
 * Signed tokens (RFC 7515, 7519) checked against known keys (RFC 7517). The peer's word for the algorithm only chooses among those that
 * its key was made for (RFC 8725 §3.1): a key of one kind is never used as another, `none` and shared secrets do not exist here.
 */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import type { ByteString } from "#bytes";

/** A public key of the issuer. */
export type Jwk = JsonWebKey & { readonly kid?: string; readonly alg?: string; readonly use?: string };

/** What a token must say to be taken. */
export type TokenRules = {
  readonly issuer: string;
  readonly audience: string;
  /** A scope it must have; null: any. */
  readonly scope: string | null;
};

export type Claims = Readonly<Record<string, unknown>>;

/** The claims of a token that was found good; why it is refused; or that its key is not among those known. */
export type TokenVerdict =
  | { readonly kind: "good"; readonly claims: Claims }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unknown-key" };

type Algorithm = {
  readonly kty: string;
  readonly crv?: string;
  readonly hash: string | null;
  readonly isPss?: true;
};

/** Asymmetric algorithms alone (RFC 7518 §3.1, RFC 8037 §3.1). A Map: the name is the peer's text. */
const algorithms: ReadonlyMap<unknown, Algorithm> = new Map<unknown, Algorithm>([
  ["RS256", { kty: "RSA", hash: "sha256" }],
  ["RS384", { kty: "RSA", hash: "sha384" }],
  ["RS512", { kty: "RSA", hash: "sha512" }],
  ["PS256", { kty: "RSA", hash: "sha256", isPss: true }],
  ["PS384", { kty: "RSA", hash: "sha384", isPss: true }],
  ["PS512", { kty: "RSA", hash: "sha512", isPss: true }],
  ["ES256", { kty: "EC", crv: "P-256", hash: "sha256" }],
  ["ES384", { kty: "EC", crv: "P-384", hash: "sha384" }],
  ["ES512", { kty: "EC", crv: "P-521", hash: "sha512" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519", hash: null }],
]);

/** RFC 7518 §3.3. */
const minRsaBits = 2048;
/** Clocks differ. */
const leewaySeconds = 60;
const maxTokenBytes = 8_192;
/** Keys tried for a token that names none. */
const maxTried = 8;

const refused = (reason: string): TokenVerdict => ({ kind: "refused", reason });

function parseObject(base64url: string): Claims | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : null;
  } catch {
    return null; // Not JSON: no token.
  }
}

/** Was this key made for that algorithm? */
function suits(jwk: Jwk, name: unknown, { kty, crv }: Algorithm): boolean {
  if (jwk.kty !== kty || (crv !== undefined && jwk.crv !== crv)) return false;
  return (jwk.alg === undefined || jwk.alg === name) && (jwk.use === undefined || jwk.use === "sig");
}

function keyOf(jwk: Jwk): KeyObject | null {
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits < minRsaBits ? null : key;
  } catch {
    return null; // A key that is none of anybody's.
  }
}

function isSigned(jwk: Jwk, { hash, isPss }: Algorithm, data: Buffer, signature: Buffer): boolean {
  const key = keyOf(jwk);
  if (key === null) return false;
  if (isPss) {
    const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
    return verify(hash, data, { key, padding, saltLength }, signature);
  }
  return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, signature);
}

const words = (value: unknown): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? value.split(" ") : [];
};

/** Why these claims do not do, or null. */
export function judgeClaims(
  claims: Claims,
  { issuer, audience, scope }: TokenRules,
  nowSeconds: number,
): string | null {
  if (claims.iss !== issuer) return "another issuer";
  const audiences: readonly unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (!audiences.includes(audience)) return "for another audience";
  if (typeof claims.exp !== "number" || claims.exp + leewaySeconds <= nowSeconds) return "expired";
  if (claims.nbf !== undefined && (typeof claims.nbf !== "number" || claims.nbf - leewaySeconds > nowSeconds)) {
    return "not valid yet";
  }
  if (scope !== null && !words(claims.scope ?? claims.scp).includes(scope)) return "without the scope";
  return claims.email_verified === false ? "address not verified" : null;
}

/** Checks a token: its form, its signature by one of the keys, its claims. */
export function verifyJwt(
  token: ByteString,
  keys: readonly Jwk[],
  rules: TokenRules,
  nowSeconds: number,
): TokenVerdict {
  if (token.length > maxTokenBytes) return refused("too long");
  const [, head = "", body = "", seal = ""] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) ?? [];
  const [header, claims] = [parseObject(head), parseObject(body)];
  if (header === null || claims === null) return refused("no signed token");
  const algorithm = algorithms.get(header.alg);
  // RFC 7515 §4.1.11: what we do not know and must understand.
  if (algorithm === undefined || header.crit !== undefined) return refused("an algorithm that is not taken");
  const named = header.kid === undefined ? keys : keys.filter(({ kid }) => kid === header.kid);
  const suitable = named.filter((jwk) => suits(jwk, header.alg, algorithm)).slice(0, maxTried);
  if (suitable.length === 0) return { kind: "unknown-key" };
  const data = Buffer.from(`${head}.${body}`, "latin1");
  const signature = Buffer.from(seal, "base64url");
  if (!suitable.some((jwk) => isSigned(jwk, algorithm, data, signature))) return refused("a wrong signature");
  const reason = judgeClaims(claims, rules, nowSeconds);
  return reason === null ? { kind: "good", claims } : refused(reason);
}

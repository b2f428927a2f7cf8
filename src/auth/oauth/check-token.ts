/**
 * Whose token is it? Signed tokens are checked by the issuer's keys (from a file or its address), others by asking the issuer (RFC
 * 7662). What a token says is only a name; who that is, the account files say.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ByteString, lowerAscii, utf8ToByteString } from "#bytes";
import { ControlError, readSetting } from "#control";
import { findAccount, isPlausibleLogin } from "../accounts.ts";
import { accept, type LoginSources, type Verdict } from "../check-login.ts";
import { openSecretFile } from "../open-secret-file.ts";
import { fetchJson } from "./fetch-json.ts";
import { type Claims, type Jwk, judgeClaims, type TokenRules, type TokenVerdict, verifyJwt } from "./jwt.ts";

/** Keys are asked for again after this long, and sooner when a token names one we have not seen; but not more often than that. */
const keysKeptMs = 600_000;
const askAgainMs = 60_000;
const maxKeys = 64;

type Settings = TokenRules & {
  readonly claim: string;
  readonly jwks: string | null;
  readonly introspect: string | null;
};

/** control/oauth as `key:value` lines; null: there is no such file, and no token is taken. */
function readSettings(home: string): Settings | null {
  const lines = readSetting(home, "oauth");
  if (lines.size === 0) return null;
  const [issuer, audience] = [lines.get("issuer"), lines.get("audience")];
  const [jwks = null, introspect = null] = [lines.get("jwks"), lines.get("introspect")];
  if (issuer === undefined || audience === undefined || (jwks === null && introspect === null)) {
    throw new ControlError("control/oauth needs issuer:, audience:, and jwks: or introspect:");
  }
  return {
    issuer,
    audience,
    scope: lines.get("scope") ?? null,
    claim: lines.get("claim") ?? "email",
    jwks,
    introspect,
  };
}

const keysIn = (value: Claims): readonly Jwk[] =>
  Array.isArray(value.keys) ? (value.keys as readonly Jwk[]).slice(0, maxKeys) : [];

/** The issuer's keys. */
function openKeys(home: string): (where: string, isMissed: boolean) => Promise<readonly Jwk[]> {
  let kept: { readonly where: string; readonly keys: readonly Jwk[]; readonly atMs: number } | null = null;
  return async (where, isMissed) => {
    if (!/^https?:/.test(where)) {
      return keysIn(JSON.parse(readFileSync(resolve(home, "control", where), "utf8")) as Claims);
    }
    const ageMs = kept?.where === where ? performance.now() - kept.atMs : Number.POSITIVE_INFINITY;
    if (kept !== null && ageMs < (isMissed ? askAgainMs : keysKeptMs)) return kept.keys;
    kept = { where, keys: keysIn(await fetchJson(where)), atMs: performance.now() };
    return kept.keys;
  };
}

/** RFC 7662: the issuer says whether the token is good, and whose. */
async function introspect(settings: Settings, token: ByteString, secret: ByteString): Promise<TokenVerdict> {
  const claims = await fetchJson(settings.introspect ?? "", {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(secret, "latin1").toString("base64")}`, accept: "application/json" },
    body: new URLSearchParams({ token, token_type_hint: "access_token" }),
  });
  if (claims.active !== true) return { kind: "refused", reason: "not active" };
  // The issuer need not repeat what it was asked for; what it says must fit.
  const { issuer: iss, audience: aud } = settings;
  const exp = Math.floor(Date.now() / 1000) + 1;
  const reason = judgeClaims({ iss, aud, exp, ...claims }, settings, Date.now() / 1000);
  return reason === null ? { kind: "good", claims } : { kind: "refused", reason };
}

/** The account a claim names, if the client did not say it was somebody else. */
function accountOf(name: ByteString, login: ByteString, sources: LoginSources): Verdict {
  if (!isPlausibleLogin(name)) return { kind: "no" };
  const found = findAccount(name, sources);
  if (found === null) return { kind: "no" };
  const isSame =
    login === "" || lowerAscii(login) === lowerAscii(name) || findAccount(login, sources)?.name === found.name;
  return isSame ? accept(found) : { kind: "no" };
}

/** Checks tokens for a home. Throws what cannot be known now; the caller makes it `later`. */
export function openTokenCheck(home: string, sources: LoginSources) {
  const keysAt = openKeys(home);
  const secretOf = openSecretFile(home, "oauthsecret", (text) => text.split("\n", 1)[0]!.trim());
  const verify = async (settings: Settings, token: ByteString): Promise<TokenVerdict> => {
    const { jwks } = settings;
    if (jwks === null) return introspect(settings, token, secretOf());
    const now = Date.now() / 1000;
    const verdict = verifyJwt(token, await keysAt(jwks, false), settings, now);
    return verdict.kind === "unknown-key" ? verifyJwt(token, await keysAt(jwks, true), settings, now) : verdict;
  };
  return async (token: ByteString, login: ByteString): Promise<Verdict> => {
    const settings = readSettings(home);
    if (settings === null) return { kind: "no" };
    const verdict = await verify(settings, token);
    if (verdict.kind !== "good") return { kind: "no" };
    const name = verdict.claims[settings.claim];
    return typeof name === "string" ? accountOf(utf8ToByteString(name), login, sources) : { kind: "no" };
  };
}

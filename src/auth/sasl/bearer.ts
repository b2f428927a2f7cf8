/** OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's older form): a token of somebody who has checked the user already. */
import { type ByteString, fromBytes, toBytes } from "#bytes";
import type { Verdict } from "../check-login.ts";
import { ended, malformed, nothing, type SaslMechanism } from "./exchange.ts";

type Claim = { readonly login: ByteString; readonly token: ByteString };

/** RFC 6750 §2.1: what a token is made of. */
const bearer = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** `key=value` parts between ^A; the first of equal keys counts. */
function parts(text: ByteString): ReadonlyMap<ByteString, ByteString> {
  const found = new Map<ByteString, ByteString>();
  for (const part of text.split("\x01")) {
    const at = part.indexOf("=");
    const key = part.slice(0, Math.max(0, at));
    if (at > 0 && !found.has(key)) found.set(key, part.slice(at + 1));
  }
  return found;
}

function tokenOf(text: ByteString): ByteString | null {
  return bearer.exec(parts(text).get("auth") ?? "")?.[1] ?? null;
}

/** `n,a=user,^Ahost=...^Aauth=Bearer TOKEN^A^A`; host and port say nothing here, for we are who we are. */
export function readOauthBearer(text: ByteString): Claim | null {
  const [, name = "", rest = ""] = /^[ny],(?:a=([^,\x01]*))?,\x01(.*)\x01\x01$/s.exec(text) ?? [];
  const token = tokenOf(rest);
  return token === null || /=(?!2C|3D)/.test(name)
    ? null
    : { login: name.replace(/=2C/g, ",").replace(/=3D/g, "="), token };
}

/** `user=NAME^Aauth=Bearer TOKEN^A^A`. */
export function readXoauth2(text: ByteString): Claim | null {
  const body = /^(.*)\x01\x01$/s.exec(text)?.[1] ?? "";
  const [login, token] = [parts(body).get("user") ?? "", tokenOf(body)];
  return token === null || login === "" ? null : { login, token };
}

/** What a client hears before it is refused (RFC 7628 §3.2.2): so that it can fetch itself another token. */
const refusals: Readonly<Record<"oauthbearer" | "xoauth2", ByteString>> = {
  oauthbearer: '{"status":"invalid_token"}',
  xoauth2: '{"status":"400","schemes":"Bearer","scope":"mail"}',
};

function mechanism(name: "oauthbearer" | "xoauth2", read: (text: ByteString) => Claim | null): SaslMechanism {
  return async function* (initial, oracle) {
    const claim = read(fromBytes(initial ?? (yield nothing)));
    if (claim === null) return malformed;
    const verdict: Verdict = await oracle.token(claim.token, claim.login);
    const login = verdict.kind === "yes" ? verdict.who.user : claim.login;
    if (verdict.kind === "no") yield toBytes(refusals[name]); // Answered by ^A, or by nothing; either way it is over.
    return ended(login, verdict);
  };
}

export const oauthBearer: SaslMechanism = mechanism("oauthbearer", readOauthBearer);
export const xoauth2: SaslMechanism = mechanism("xoauth2", readXoauth2);

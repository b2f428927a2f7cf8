/** The oracle of the mechanisms, made of where logins are looked up. */
import { createHmac } from "node:crypto";
import { type ByteString, lowerAscii } from "#bytes";
import { findAccount, isPlausibleLogin } from "../accounts.ts";
import { accept, checkLogin, type LoginSources, type Verdict } from "../check-login.ts";
import { deriveScramKey, newIterations, parseScramKey, type ScramHash } from "../scram-keys.ts";
import { clearSecret } from "../verify-secret.ts";
import type { SaslOracle } from "./exchange.ts";
import { saslPrep } from "./sasl-prep.ts";

const saltBytes = 16;

/** Tells how it went when the look-up itself fails: later, never no. */
async function orLater(ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask();
  } catch (error) {
    return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Two ways of proof that are not about passwords; each null where nothing is set up for it. */
export type OtherProofs = {
  readonly token: ((token: ByteString, login: ByteString) => Promise<Verdict>) | null;
  readonly certificate: ((login: ByteString) => Promise<Verdict>) | null;
};

/** A password counts as it was sent, and in the form that SASLprep gives it (RFC 4616 §2). */
async function password(login: ByteString, secret: ByteString, sources: LoginSources): Promise<Verdict> {
  const verdict = await checkLogin({ login, secret, timestamp: "" }, sources);
  const form = saslPrep(secret);
  if (verdict.kind !== "no" || form === null || form === secret) return verdict;
  return checkLogin({ login, secret: form, timestamp: "" }, sources);
}

/**
 * The key to prove a login by. Whoever has none (nobody, or a password kept in another form) gets one that nothing fits, with a salt
 * that is the same each time: `seed` must outlive the process, or a restart would tell who is real.
 */
async function scramKey(login: ByteString, hash: ScramHash, sources: LoginSources, seed: Buffer) {
  const salt = createHmac("sha256", seed)
    .update(`${hash} ${lowerAscii(login)}`, "latin1")
    .digest()
    .subarray(0, saltBytes);
  const wanted = { hash, iterations: newIterations, salt };
  const no: Verdict = { kind: "no" };
  try {
    const found = isPlausibleLogin(login) ? findAccount(login, sources) : null;
    const clear = found?.hash == null ? null : clearSecret(found.hash);
    const made = await deriveScramKey(clear ?? seed.toString("latin1"), wanted);
    const stored = found?.hash == null ? null : parseScramKey(found.hash);
    if (found !== null && stored?.hash === hash) return { key: stored, proven: accept(found) };
    return { key: made, proven: found !== null && clear !== null ? accept(found) : no };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { key: await deriveScramKey("", wanted), proven: { kind: "later", reason } satisfies Verdict };
  }
}

export function openSaslOracle(sources: LoginSources, seed: Buffer, others: OtherProofs): SaslOracle {
  const { token, certificate } = others;
  const no: Verdict = { kind: "no" };
  return {
    password: (login, secret) => password(login, secret, sources),
    proof: (login, challenge, proof) => checkLogin({ login, secret: proof, timestamp: challenge }, sources),
    scramKey: (login, hash) => scramKey(login, hash, sources, seed),
    token: async (text, login) => (token === null ? no : orLater(() => token(text, login))),
    certificate: async (login) => (certificate === null ? no : orLater(() => certificate(login))),
  };
}

/**
 * "Is this password right, and who is it?" First control/poppasswd, then the program of control/authcheckprogram or the system's
 * accounts. What cannot be known now is temporary; whether the login or the password was wrong is told to nobody, not by words and
 * not by the time it takes.
 */
import { type ByteString, lowerAscii } from "#bytes";
import { type Found, findAccount, isPlausibleLogin } from "./accounts.ts";
import { fitsApop } from "./apop.ts";
import type { AppPassword } from "./app-passwords.ts";
import type { Credentials } from "./credentials.ts";
import type { PopEntry } from "./pop-passwd.ts";
import { fitsCram } from "./sasl/cram-md5.ts";
import type { SystemAccount } from "./system-accounts.ts";
import { clearSecret, isLocked, verifySecret } from "./verify-secret.ts";

/** Who a login is: what a mailbox server becomes. */
export type Identity = {
  readonly user: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly home: ByteString;
  readonly shell: ByteString;
  /** An account of the system: it has the groups of its name too. */
  readonly isSystem: boolean;
};

/** The answer. `later` has a reason for the log, never for the client. */
export type Verdict =
  | { readonly kind: "yes"; readonly who: Identity }
  | { readonly kind: "no" }
  | { readonly kind: "later"; readonly reason: string };

/** What the answer is taken from. The look-ups throw when there is no telling now. */
export type LoginSources = {
  readonly popEntry: (login: ByteString) => PopEntry | null;
  readonly systemAccount: (name: ByteString) => SystemAccount | null;
  /** control/authcheckprogram: asked about everybody who is not in poppasswd, in place of the system's accounts; null: there is none. */
  readonly program: () => ((given: Credentials) => Promise<Verdict>) | null;
  /** The passwords of single programs that a user has besides their own (control/apppasswd). */
  readonly appPasswords: (login: ByteString) => readonly AppPassword[];
  /** control/me: the domain of a login that has none. */
  readonly defaultDomain: () => ByteString | null;
  /** True for a domain whose mail is delivered to accounts here (control/locals). */
  readonly isLocalDomain: (domain: ByteString) => boolean;
};

/** Nobody's hash: checked when there is no such login, so that it takes as long as a wrong password. */
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const hexDigest = /^[0-9a-f]{32}$/i;

/** True if this is the digest of a challenge: APOP's or CRAM-MD5's, or CRAM-MD5's in the older order of the fields (spec 11.3). */
function fitsDigest({ secret, timestamp }: Credentials, clear: ByteString): boolean {
  if (hexDigest.test(secret)) return fitsApop(secret, timestamp, clear) || fitsCram(secret, timestamp, clear);
  return hexDigest.test(timestamp) && /^<.*>$/.test(secret) && fitsCram(timestamp, secret, clear);
}

/** Checks a login. With a timestamp, the secret may be APOP's or CRAM-MD5's digest, which counts only against a secret kept in the clear. */
export async function checkLogin(given: Credentials, sources: LoginSources): Promise<Verdict> {
  const { login, secret } = given;
  if (!isPlausibleLogin(login) || secret === "") return { kind: "no" };
  try {
    const found = findAccount(login, sources);
    if (found === null) return (await sources.program()?.(given)) ?? (await nobody(secret));
    if (sources.appPasswords(lowerAscii(found.name)).some((app) => app.fits(secret))) return accept(found);
    // A locked account takes as long as one that is not there.
    if (found.hash === null || isLocked(found.hash)) return await nobody(secret);
    const clear = clearSecret(found.hash);
    if (clear !== null && fitsDigest(given, clear)) return accept(found);
    const fits = await verifySecret(secret, found.hash);
    if (fits === "unknown")
      return { kind: "later", reason: `the hash of ${login} is of a form that cannot be checked here` };
    return fits === "yes" ? accept(found) : { kind: "no" };
  } catch (error) {
    return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
  }
}

async function nobody(secret: ByteString): Promise<Verdict> {
  await verifySecret(secret, nobodysHash);
  return { kind: "no" };
}

/** What a right password leads to: an account that has expired lets nobody in. */
export function accept({ who, expired }: Found): Verdict {
  return expired ? { kind: "no" } : { kind: "yes", who };
}

/**
 * "Is this password right, and who is it?" First control/poppasswd, then the system's accounts. What cannot be known now is
 * temporary; whether the login or the password was wrong is told to nobody, not by words and not by the time it takes.
 */
import { type ByteString, lowerAscii } from "#bytes";
import { fitsApop } from "./apop.ts";
import type { Credentials } from "./credentials.ts";
import type { PopEntry } from "./pop-passwd.ts";
import type { SystemAccount } from "./system-accounts.ts";
import { clearSecret, verifySecret } from "./verify-secret.ts";

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
  /** control/me: the domain of a login that has none. */
  readonly defaultDomain: () => ByteString | null;
  /** True for a domain whose mail is delivered to accounts here (control/locals). */
  readonly isLocalDomain: (domain: ByteString) => boolean;
};

/** Nobody's hash: checked when there is no such login, so that it takes as long as a wrong password. */
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const maxLoginBytes = 320;
/** Logins that could be anybody's: no controls, no colon, which no file can hold. */
const plausible = /^[^\x00-\x20\x7f:]+$/;

/** The names a login may stand for: itself, with the default domain, without a local one. */
function namesOf(login: ByteString, sources: LoginSources): readonly ByteString[] {
  const at = login.lastIndexOf("@");
  if (at < 0) {
    const domain = sources.defaultDomain();
    return domain === null ? [login] : [login, `${login}@${domain}`];
  }
  return sources.isLocalDomain(lowerAscii(login.slice(at + 1))) ? [login, login.slice(0, at)] : [login];
}

type Found = { readonly who: Identity; readonly hash: ByteString | null; readonly expired: boolean };

function identityOf({ login, uid, gid, home, shell }: SystemAccount): Identity {
  return { user: login, uid, gid, home, shell, isSystem: true };
}

function fromEntry(entry: PopEntry, sources: LoginSources): Found | null {
  if (entry.uid !== null && entry.gid !== null && entry.home !== null) {
    const { login: user, uid, gid, home, hash } = entry;
    return { who: { user, uid, gid, home, shell: "/bin/sh", isSystem: false }, hash, expired: false };
  }
  const account = sources.systemAccount(entry.login);
  return account === null ? null : { who: identityOf(account), hash: entry.hash, expired: account.expired };
}

function find(login: ByteString, sources: LoginSources): Found | null {
  const names = namesOf(login, sources);
  for (const name of names) {
    const entry = sources.popEntry(name);
    if (entry !== null) return fromEntry(entry, sources);
  }
  for (const name of names) {
    const account = sources.systemAccount(name);
    if (account !== null) return { who: identityOf(account), hash: account.hash, expired: account.expired };
  }
  return null;
}

/** Checks a login. With a timestamp, the secret may be APOP's digest, which counts only against a secret kept in the clear. */
export async function checkLogin(given: Credentials, sources: LoginSources): Promise<Verdict> {
  const { login, secret, timestamp } = given;
  if (login.length > maxLoginBytes || !plausible.test(login) || secret === "") return { kind: "no" };
  try {
    const found = find(login, sources);
    if (found?.hash == null) {
      await verifySecret(secret, nobodysHash);
      return { kind: "no" };
    }
    const clear = clearSecret(found.hash);
    if (clear !== null && /^[0-9a-f]{32}$/i.test(secret) && fitsApop(secret, timestamp, clear)) return accept(found);
    const fits = await verifySecret(secret, found.hash);
    if (fits === "unknown")
      return { kind: "later", reason: `the hash of ${login} is of a form that cannot be checked here` };
    return fits === "yes" ? accept(found) : { kind: "no" };
  } catch (error) {
    return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
  }
}

function accept({ who, expired }: Found): Verdict {
  return expired ? { kind: "no" } : { kind: "yes", who };
}

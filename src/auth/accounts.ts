/** Which account a login means, and what is kept to check it by. */
import { type ByteString, lowerAscii } from "#bytes";
import type { Identity, LoginSources } from "./check-login.ts";
import type { PopEntry } from "./pop-passwd.ts";
import type { SystemAccount } from "./system-accounts.ts";

const maxLoginBytes = 320;
/** Logins that could be anybody's: no controls, no colon, which no file can hold. */
const plausible = /^[^\x00-\x20\x7f:]+$/;

/** False for what no account can be called. */
export function isPlausibleLogin(login: ByteString): boolean {
  return login.length <= maxLoginBytes && plausible.test(login);
}

/** The names a login may stand for: itself, with the default domain, without a local one. */
function namesOf(login: ByteString, sources: LoginSources): readonly ByteString[] {
  const at = login.lastIndexOf("@");
  if (at < 0) {
    const domain = sources.defaultDomain();
    return domain === null ? [login] : [login, `${login}@${domain}`];
  }
  return sources.isLocalDomain(lowerAscii(login.slice(at + 1))) ? [login, login.slice(0, at)] : [login];
}

/** An account: who it is, under which name it was found, and its hash; `hash` null: it cannot be known. */
export type Found = {
  readonly who: Identity;
  readonly name: ByteString;
  readonly hash: ByteString | null;
  readonly expired: boolean;
};

function identityOf({ login, uid, gid, home, shell }: SystemAccount): Identity {
  return { user: login, uid, gid, home, shell, isSystem: true };
}

function fromEntry(entry: PopEntry, sources: LoginSources): Found | null {
  if (entry.uid !== null && entry.gid !== null && entry.home !== null) {
    const { login: user, uid, gid, home, hash } = entry;
    const who = { user, uid, gid, home, shell: "/bin/sh", isSystem: false };
    return { who, name: user, hash, expired: false };
  }
  const account = sources.systemAccount(entry.login);
  if (account === null) return null;
  return { who: identityOf(account), name: entry.login, hash: entry.hash, expired: account.expired };
}

/** Looks a login up; null if there is no such account, or only the program of control/authcheckprogram could know it. */
export function findAccount(login: ByteString, sources: LoginSources): Found | null {
  const names = namesOf(login, sources);
  for (const name of names) {
    const entry = sources.popEntry(name);
    if (entry !== null) return fromEntry(entry, sources);
  }
  if (sources.program() !== null) return null;
  for (const name of names) {
    const account = sources.systemAccount(name);
    if (account !== null) return { who: identityOf(account), name, hash: account.hash, expired: account.expired };
  }
  return null;
}

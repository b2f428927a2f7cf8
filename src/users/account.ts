/**
 * qmail-getpw's rules (spec 5.5): which account a local part names, by the password database and the homes on disk. An
 * account counts only if it is not the superuser's and owns its home; the first that counts, from the longest name, wins.
 */
import { stat } from "node:fs/promises";
import { type ByteString, lowerAscii, utf8ToByteString } from "#bytes";
import { diskPath, errorCode, errorText } from "#files";
import type { LocalRoute } from "#mail";
import type { Account } from "./passwd.ts";

/** Account names have at most this many bytes; longer candidates are not asked for. */
const maxNameBytes = 31;

/** The classic home, whose `alias` account is the system's. Any other home may do without one. */
const classicHome = "/var/qmail";

export type Owner = { readonly uid: number; readonly gid: number };

/** What the answer hangs on. Both look-ups reject when there is no telling for now. */
export type AccountSources = {
  /** Quail's home; its `alias` folder takes what no account does. */
  readonly home: string;
  /** An account by its name, from the password database. */
  readonly account: (name: ByteString) => Promise<Account | null>;
  /** Who owns a folder, as `ownerOf` below. */
  readonly ownerOf: (folder: ByteString) => Promise<Owner | null>;
  /** conf-users: the account that owns every unclaimed address. */
  readonly aliasName: ByteString;
  /** conf-break: one character, or "" for no extensions. */
  readonly breakCharacter: string;
};

/** Told of every question as it is answered, for `quail explain`. */
export type Asked = (question: string, answer: string) => void;

/** Thrown when a home cannot be looked at for now: a lost file server, a failing disk. The mail waits. */
export class HomeTrouble extends Error {}

/** Errors that say a home is not there, or not ours to see; any other may be gone by the next attempt. */
const absent: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG"]);

/** Who owns a folder; null if it is not there, or not to be seen by us. Throws HomeTrouble if there is no telling now. */
export async function ownerOf(path: ByteString): Promise<Owner | null> {
  try {
    return await stat(diskPath(path));
  } catch (cause) {
    if (absent.has(errorCode(cause))) return null;
    throw new HomeTrouble(`unable to stat ${path}: ${errorText(cause)}`, { cause });
  }
}

/** Why an account gets no mail, or null: it does. */
async function flawOf(account: Account, sources: AccountSources): Promise<string | null> {
  if (account.uid === 0) return "uid 0 gets no mail";
  if (!account.home.startsWith("/")) return `its home "${account.home}" is no absolute path`;
  const owner = await sources.ownerOf(account.home);
  if (owner === null) return `its home ${account.home} is missing or out of sight`;
  return owner.uid === account.uid ? null : `its home ${account.home} belongs to uid ${owner.uid}`;
}

/**
 * The account behind every unclaimed address: the system's `alias` if its home is ours (or ours is /var/qmail), else the
 * folder `alias` in our home in the name of whoever owns it, so that a Quail without root needs no account. Null: neither.
 */
export async function aliasAccount(sources: AccountSources): Promise<Account | null> {
  const { home, aliasName } = sources;
  const folder = utf8ToByteString(`${home === "/" ? "" : home}/alias`);
  const account = await sources.account(aliasName);
  if (account !== null && (home === classicHome || account.home === folder)) return account;
  const owner = await sources.ownerOf(folder);
  return owner === null ? null : { name: aliasName, uid: owner.uid, gid: owner.gid, home: folder };
}

/** Where a local part could end and an extension begin, from the right: the whole, then before each break character. */
function* divisions(local: ByteString, breakCharacter: string): Generator<number> {
  for (let end = local.length; end > 0; end--) {
    if (end > maxNameBytes) continue;
    if (end === local.length || local[end] === breakCharacter) yield end;
  }
}

const routeTo = (account: Account, dash: string, ext: ByteString): LocalRoute => ({
  user: account.name,
  uid: account.uid,
  gid: account.gid,
  home: account.home,
  dash,
  ext,
});

/** A route and what it was found by; null when no account claims the address and there is no alias account either. */
export type ByAccount = { readonly via: string; readonly route: LocalRoute };

/** Finds the account of a local part, or alias. Throws HomeTrouble, or what the database look-up throws. */
export async function findByAccount(
  local: ByteString,
  sources: AccountSources,
  asked: Asked = () => {},
): Promise<ByAccount | null> {
  for (const end of divisions(local, sources.breakCharacter)) {
    const name = lowerAscii(local.slice(0, end));
    const account = name === sources.aliasName ? await aliasAccount(sources) : await sources.account(name);
    const flaw = account === null ? "no such account" : await flawOf(account, sources);
    asked(`account ${name}`, flaw ?? "yes");
    if (account === null || flaw !== null) continue;
    const remainder = end < local.length;
    const route = routeTo(account, remainder ? "-" : "", remainder ? local.slice(end + 1) : "");
    return { via: `account ${account.name}`, route };
  }
  const alias = await aliasAccount(sources);
  asked(`account ${sources.aliasName}, for what nobody claims`, alias === null ? "no such account" : alias.home);
  return alias === null ? null : { via: `account ${sources.aliasName}`, route: routeTo(alias, "-", local) };
}

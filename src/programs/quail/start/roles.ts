/**
 * The accounts of an installation where each role has a uid of its own (qmail's; docs/decisions/processes-and-rights.md): who breaks
 * into one process is no other.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSetting } from "#control";
import type { Account } from "#users";
import { StartError } from "./start-error.ts";
import type { Ids } from "./who.ts";

/** Roles, and the account each has unless control/roleaccounts names another. */
const usualAccounts = {
  smtpd: "qmaild",
  queue: "qmailq",
  remote: "qmailr",
  metrics: "qmaill",
  alias: "alias",
} as const;
/** Roles that came later: where such an account is missing, the role is played by another (the filter by smtpd, the signer by the queue). */
const laterAccounts = { filter: "qmailf", sign: "qmailk" } as const;
type RoleName = keyof typeof usualAccounts;
type LaterRole = keyof typeof laterAccounts;
const laterNames = Object.keys(laterAccounts) as readonly LaterRole[];
const roleNames = Object.keys(usualAccounts) as readonly RoleName[];

/** Who each role runs as. `smtpd` is POP3's listener too; `alias` owns what no user does. `local` and the supervisor stay root. */
export type Roles = Readonly<Record<RoleName, Ids>> &
  Readonly<Partial<Record<LaterRole, Ids>>> & {
    /** False if the alias account has no name, so that users/assign must tell where its mail goes. */
    readonly aliasIsNamed: boolean;
  };

/** `UID:GID`, or an account's name; null if there is no such account. */
function idsOf(word: string, accounts: ReadonlyMap<string, Account>): Ids | null {
  const [, uid, gid] = /^([0-9]{1,9}):([0-9]{1,9})$/.exec(word) ?? [];
  if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  const account = accounts.get(word);
  return account === undefined ? null : { uid: account.uid, gid: account.gid };
}

/** Why these accounts would not keep the roles apart, or null. */
export function roleTrouble(
  roles: Readonly<Record<RoleName, Ids>> & Readonly<Partial<Record<LaterRole, Ids>>>,
): string | null {
  const all = Object.entries(roles);
  const root = all.find(([, { uid, gid }]) => uid === 0 || gid === 0);
  if (root !== undefined) return `${root[0]} may not be root, nor of its group`;
  const twin = all.find(([, { uid }], at) => all.findIndex(([, other]) => other.uid === uid) !== at);
  if (twin !== undefined) return `${twin[0]} has the same uid as another role`;
  if (roles.queue.gid !== roles.remote.gid) return "queue and remote must be of one group: by it they find each other";
  const stranger = (["smtpd", "metrics", "alias", ...laterNames] as const).find(
    (name) => roles[name]?.gid === roles.queue.gid,
  );
  return stranger === undefined ? null : `${stranger} may not be of the group of queue and remote`;
}

/**
 * The roles' uids: by control/roleaccounts, else the usual accounts. Null if neither is there. Throws StartError if
 * the file names accounts that do not exist or do not keep the roles apart.
 */
export function findRoles(home: string, accounts: ReadonlyMap<string, Account>): Roles | null {
  // A home that cannot be is the business of whoever makes it.
  const given = existsSync(join(home, "control")) ? readSetting(home, "roleaccounts") : new Map<string, string>();
  const words = new Map(roleNames.map((name) => [name, given.get(name) ?? usualAccounts[name]]));
  const found = new Map(roleNames.map((name) => [name, idsOf(words.get(name)!, accounts)]));
  const missing = roleNames.find((name) => found.get(name) === null);
  const wrong = (reason: string): null => {
    if (given.size === 0) return null;
    throw new StartError(`control/roleaccounts: ${reason}`);
  };
  if (missing !== undefined) return wrong(`there is no account ${words.get(missing)} (for ${missing})`);
  const later = laterNames.flatMap((name): [LaterRole, Ids][] => {
    const ids = idsOf(given.get(name) ?? laterAccounts[name], accounts);
    return ids === null ? [] : [[name, ids]];
  });
  const roles = Object.fromEntries([...found, ...later]) as Record<RoleName, Ids> & Partial<Record<LaterRole, Ids>>;
  const trouble = roleTrouble(roles);
  return trouble === null ? { ...roles, aliasIsNamed: !words.get("alias")!.includes(":") } : wrong(trouble);
}

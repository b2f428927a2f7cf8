/**
 * Who the services run as. Not root: as whoever calls. Root: an unprivileged uid, to which the home is handed; an
 * installation with qmail's accounts keeps qmail's separation.
 */
import { spawnSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import type { Account } from "#users";

/** A uid of the range no account tool hands out to people (Debian: below 65534 `nobody`). */
const namelessId = { uid: 65525, gid: 65525 };

export type Ids = { readonly uid: number; readonly gid: number };

/** qmail's accounts, by the role they play here. */
export type ClassicAccounts = { readonly smtpd: Ids; readonly queue: Ids; readonly remote: Ids };

/** `own`: as the caller; `handed`: the supervisor and all services become `ids`; `root`: nobody else can read the code. */
export type Who =
  | { readonly kind: "own"; readonly ids: Ids }
  | { readonly kind: "handed"; readonly ids: Ids; readonly because: string }
  | { readonly kind: "root"; readonly unread: Ids }
  | { readonly kind: "classic"; readonly accounts: ClassicAccounts };

async function accounts(passwdFile: string): Promise<ReadonlyMap<string, Account>> {
  const { parsePasswd } = await import("#users"); // Needed by root alone; the supervisor stays small.
  try {
    return parsePasswd(readFileSync(passwdFile, "latin1"));
  } catch {
    return new Map(); // No passwd file: no named accounts, which every use below can live with.
  }
}

/** Whose a path is; null if it is not there (or cannot be: whoever makes it says why). */
function ownerOf(path: string): Ids | null {
  try {
    const { uid, gid } = lstatSync(path);
    return { uid, gid };
  } catch {
    return null;
  }
}

/** qmail's own three, if all exist. */
function classicAccounts(known: ReadonlyMap<string, Account>): ClassicAccounts | null {
  const [smtpd, queue, remote] = [known.get("qmaild"), known.get("qmailq"), known.get("qmailr")];
  if (smtpd === undefined || queue === undefined || remote === undefined) return null;
  return { smtpd, queue, remote };
}

/** May that uid read the code it would run? Asked of the kernel, by a process under that uid. */
function canRead(ids: Ids, codeFile: string): boolean {
  const script = "require('node:fs').readFileSync(process.argv[1])";
  const { status } = spawnSync(process.execPath, ["-e", script, codeFile], { ...ids, cwd: "/", stdio: "ignore" });
  return status === 0;
}

/** Decides. `home` need not exist; `checkout` is the folder of our code. Looks at owners and /etc/passwd, changes nothing. */
export async function decideWho(
  home: string,
  checkout: string,
  { isOurs, passwdFile = "/etc/passwd" }: { readonly isOurs: boolean; readonly passwdFile?: string },
): Promise<Who> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return { kind: "own", ids: { uid, gid } };
  const known = await accounts(passwdFile);
  const classic = classicAccounts(known);
  if (!isOurs && classic !== null) return { kind: "classic", accounts: classic };
  const candidates: readonly (readonly [Ids | null | undefined, string])[] = [
    [ownerOf(home), "to whom the home belongs"],
    [ownerOf(checkout), "to whom the checkout belongs"],
    [known.get("quail"), "the account quail"],
    [namelessId, "which no account has"],
  ];
  for (const [ids, because] of candidates) {
    if (ids === null || ids === undefined || ids.uid === 0) continue;
    const plain = { uid: ids.uid, gid: ids.gid };
    return canRead(plain, `${checkout}/src/services/run.ts`)
      ? { kind: "handed", ids: plain, because }
      : { kind: "root", unread: plain };
  }
  throw new Error("no uid to run as"); // The last candidate is never root.
}

/** True if `path` exists and belongs to somebody else than `uid`. */
export function isForeign(path: string, uid: number): boolean {
  const owner = ownerOf(path);
  return owner !== null && owner.uid !== uid;
}

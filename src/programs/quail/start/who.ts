/** Who the services run as. Not root: as whoever calls. Root: an unprivileged uid, to which the home is handed. */
import { spawnSync } from "node:child_process";
import { constants, existsSync, lstatSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Account } from "#users";
import { findRoles, type Roles } from "./roles.ts";

/** A uid of the range no account tool hands out to people (Debian: below 65534 `nobody`). */
const namelessId = { uid: 65525, gid: 65525 };

export type Ids = { readonly uid: number; readonly gid: number };

/**
 * `own`: as the caller; `roles`: each service under its own uid, the supervisor and `local` stay root; `handed`: the supervisor and
 * all services become `ids`; `root`: an unprivileged uid would not get to our code, or to the home.
 */
export type Who =
  | { readonly kind: "own"; readonly ids: Ids }
  | { readonly kind: "roles"; readonly roles: Roles }
  | { readonly kind: "handed"; readonly ids: Ids; readonly because: string }
  | { readonly kind: "root"; readonly because: string };

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

/** The folder of a path that exists: where that uid must get to. */
function existingFolder(path: string): string {
  const folder = dirname(path);
  return folder === path || existsSync(folder) ? folder : existingFolder(folder);
}

/** The first of our code and the home that this uid cannot get to; null if it can. Asked of the kernel, as that uid. */
function outOfReach(ids: Ids, checkout: string, home: string): string | null {
  const reaches = (path: string): boolean => {
    const script = "require('node:fs').accessSync(process.argv[1], Number(process.argv[2]))";
    const mode = path === checkout ? constants.R_OK | constants.X_OK : constants.X_OK;
    const args = ["-e", script, path, String(mode)];
    return spawnSync(process.execPath, args, { ...ids, cwd: "/", stdio: "ignore" }).status === 0;
  };
  return [checkout, existingFolder(home)].find((path) => !reaches(path)) ?? null;
}

/** Is root's, or will be. */
const isRoots = (path: string): boolean => (ownerOf(path)?.uid ?? 0) === 0;

/** The roles' accounts, if there are any and the home is root's to share out. */
function rolesFor(home: string, checkout: string, known: ReadonlyMap<string, Account>): Who | null {
  if (!isRoots(home) || !isRoots(checkout)) return null;
  const roles = findRoles(home, known);
  if (roles === null) return null;
  for (const ids of [roles.smtpd, roles.queue, roles.remote, roles.metrics, roles.alias]) {
    const unreached = outOfReach({ uid: ids.uid, gid: ids.gid }, checkout, home);
    if (unreached !== null) return { kind: "root", because: `uid ${ids.uid} cannot get to ${unreached}` };
  }
  return { kind: "roles", roles };
}

/** Decides. `home` need not exist; `checkout` is the folder of our code. Looks at owners and the accounts, changes nothing. */
export async function decideWho(home: string, checkout: string, passwdFile = "/etc/passwd"): Promise<Who> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return { kind: "own", ids: { uid, gid } };
  const known = await accounts(passwdFile);
  const apart = rolesFor(home, checkout, known);
  if (apart !== null) return apart;
  const candidates: readonly (readonly [Ids | null | undefined, string])[] = [
    [ownerOf(home), "to whom the home belongs"],
    [ownerOf(checkout), "to whom the checkout belongs"],
    [known.get("quail"), "the account quail"],
    [namelessId, "which no account has"],
  ];
  for (const [ids, because] of candidates) {
    if (ids === null || ids === undefined || ids.uid === 0) continue;
    const plain = { uid: ids.uid, gid: ids.gid };
    const unreached = outOfReach(plain, checkout, home);
    return unreached === null
      ? { kind: "handed", ids: plain, because }
      : { kind: "root", because: `uid ${plain.uid} cannot get to ${unreached}` };
  }
  throw new Error("no uid to run as"); // The last candidate is never root.
}

/** True if `path` exists and belongs to somebody else than `uid`. */
export function isForeign(path: string, uid: number): boolean {
  const owner = ownerOf(path);
  return owner !== null && owner.uid !== uid;
}

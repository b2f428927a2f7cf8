/** Accounts of the system's own files, with what a login needs: the shell, and the hash of the shadow file (root alone may read it). */
import { readFileSync } from "node:fs";
import type { ByteString } from "#bytes";
import { errorCode } from "#files";

/** An account and its stored hash; `hash` null: it cannot be known (we are not root). */
export type SystemAccount = {
  readonly login: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly home: ByteString;
  readonly shell: ByteString;
  readonly hash: ByteString | null;
  /** Its day of expiry has come (shadow(5), field 8). */
  readonly expired: boolean;
};

/** Where the two files are; a test has others. */
export type SystemFiles = { readonly passwd: string; readonly shadow: string };

export const systemFiles: SystemFiles = { passwd: "/etc/passwd", shadow: "/etc/shadow" };

const dayMs = 86_400_000;
const hidden: ReadonlySet<string> = new Set(["ENOENT", "EACCES", "EPERM"]);

/** The fields of `name`'s line in a passwd-like file; null if there is none. */
function lineOf(text: ByteString, name: ByteString): readonly ByteString[] | null {
  if (name === "" || /[:\n]/.test(name) || /^[+\-#]/.test(name)) return null;
  const at = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1;
  if (at === 0 && !text.startsWith(`${name}:`)) return null;
  const end = text.indexOf("\n", at);
  return text.slice(at, end < 0 ? undefined : end).split(":");
}

/**
 * Looks an account up; null if there is none. Reads the files at each call: logins are rare and an expired account counts at
 * once. Throws what the disk says, except that a shadow file out of our sight only leaves the hash unknown.
 */
export function findSystemAccount(name: ByteString, nowMs: number, files = systemFiles): SystemAccount | null {
  const fields = lineOf(readFileSync(files.passwd, "latin1"), name);
  const [login = "", password = "", uid = "", gid = "", , home = "", shell = ""] = fields ?? [];
  if (!/^[0-9]{1,10}$/.test(uid) || !/^[0-9]{1,10}$/.test(gid)) return null;
  const base = { login, uid: Number(uid), gid: Number(gid), home, shell: shell === "" ? "/bin/sh" : shell };
  if (password !== "x") return { ...base, hash: password, expired: false };
  let shadow: readonly ByteString[] | null;
  try {
    shadow = lineOf(readFileSync(files.shadow, "latin1"), name);
  } catch (error) {
    if (!hidden.has(errorCode(error))) throw error;
    return { ...base, hash: null, expired: false };
  }
  const [, hash = "!", , , , , , expiry = ""] = shadow ?? [];
  return { ...base, hash, expired: /^[0-9]+$/.test(expiry) && Number(expiry) * dayMs <= nowMs };
}

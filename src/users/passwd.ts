import { readFileSync } from "node:fs";
import type { ByteString } from "#bytes";
import { keptFile } from "./kept-file.ts";

/** An account of the password database: what mail needs of it. `home` is as the database has it, maybe not a path at all. */
export type Account = {
  readonly name: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly home: ByteString;
};

const decimal = /^[0-9]{1,10}$/;

/**
 * Accounts by name from the text of a passwd file (`name:password:uid:gid:gecos:home:shell`). Lines that are none are left
 * out, the first of equal names counts, as with getpwnam(3).
 */
export function parsePasswd(text: ByteString): ReadonlyMap<ByteString, Account> {
  const accounts = new Map<ByteString, Account>();
  for (const line of text.split("\n")) {
    const [name = "", , uid = "", gid = "", , home] = line.split(":", 6);
    // + and - begin NIS compatibility lines, # a comment.
    if (home === undefined || name === "" || /^[+\-#]/.test(name) || accounts.has(name)) continue;
    if (decimal.test(uid) && decimal.test(gid)) accounts.set(name, { name, uid: Number(uid), gid: Number(gid), home });
  }
  return accounts;
}

/** Looks accounts up in a passwd file, read again when it changes; a missing file has none. Throws if it is unreadable. */
export function openPasswd(path: string): (name: ByteString) => Account | null {
  const current = keptFile(path, () => {
    try {
      return parsePasswd(readFileSync(path, "latin1"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return parsePasswd("");
      throw error;
    }
  });
  return (name) => current().get(name) ?? null;
}
